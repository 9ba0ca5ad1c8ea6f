"""The address of a peer or a server."""

Address = tuple[str, int]
"""Host (an IP address or a name, as `fields.clean_host` spells it) and TCP port."""
