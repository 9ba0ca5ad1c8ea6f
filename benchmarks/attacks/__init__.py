"""Attacks on running processes, each with its bar."""
