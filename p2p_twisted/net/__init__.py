"""The wire over Twisted, for RS and peer alike: server, client, connections, rate limits."""
