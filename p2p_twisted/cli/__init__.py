"""The ``p2p`` command: one module a group of verbs. Talks to a running peer, or is one for the length of a command."""
