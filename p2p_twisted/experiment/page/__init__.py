"""The experiment page of an RS: start experiments, watch them, read their results."""
