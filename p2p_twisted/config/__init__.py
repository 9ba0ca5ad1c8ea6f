"""Settings, start-up checks, and the folders and limits of a process."""
