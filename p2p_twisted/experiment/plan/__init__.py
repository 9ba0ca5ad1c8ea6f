"""The plan of an experiment, before anything runs: tasks, links, faults, bounds. Pure."""
