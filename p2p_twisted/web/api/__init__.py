"""The control API of peer and RS (docs/api.rst)."""
