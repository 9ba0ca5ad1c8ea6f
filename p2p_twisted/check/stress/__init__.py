"""Checks that fit any server, of a registration server and of a peer alike: many clients at once, and bad ones."""
