"""The registration server: its protocol and factory, its service, and its twistd plugin. Knows nothing of files."""
