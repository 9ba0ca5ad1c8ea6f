"""Wants: documents that a peer keeps fetching as they appear and change, and folders that it keeps equal."""
