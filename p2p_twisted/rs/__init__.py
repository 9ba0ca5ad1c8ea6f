"""The registration server: its protocol, its service, and its twistd plugin. Knows nothing of files."""
