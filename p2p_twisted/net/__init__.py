"""The wire over Twisted, for RS and peer alike: server, client, connections, rate limits."""

import platform

OS_NAME = platform.system()
"""The text of the OS line of requests and responses."""
