"""Serving of a peer: its index, its files, and their pieces."""
