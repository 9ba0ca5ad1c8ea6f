"""The peer: server protocol, client, keep-alive, service and twistd plugin: what joins library, index and swarm."""
