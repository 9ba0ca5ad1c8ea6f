"""Fuzz targets for everything that parses bytes of strangers; `python -m fuzz` runs them with atheris."""
