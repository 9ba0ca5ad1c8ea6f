"""What I have: shared folders, safe paths, hashes and their cache, pieces, titles. Knows no peers and no protocol."""
