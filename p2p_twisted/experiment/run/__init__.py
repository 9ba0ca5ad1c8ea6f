"""Carry out experiments and the demo with real processes, on loopback or in network namespaces."""
