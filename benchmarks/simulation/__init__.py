"""Swarms of thousands of peers in virtual time: the real rules of choice, links that are arithmetic, and no sockets."""
