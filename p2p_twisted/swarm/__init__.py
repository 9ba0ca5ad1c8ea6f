"""Fetching files from many sources at once: which piece of which source next (pure), verifying, storing."""
