"""Measurements of the whole system, and the runs that look for faults."""
