"""The messages of a run: put together from the traces of all processes, named part by part, and told as a story."""
