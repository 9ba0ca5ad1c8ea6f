"""An experiment carried out by real processes, on loopback or in network namespaces."""
