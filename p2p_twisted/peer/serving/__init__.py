"""What a peer serves: its index, its files, and their pieces."""
