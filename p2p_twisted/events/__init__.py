"""Typed events: the engine publishes them; the API, the command line, logs and metrics listen."""
