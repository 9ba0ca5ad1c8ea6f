"""Checks that fit any server, RS and peer alike: the form of its answers, many clients at once, and bad ones."""
