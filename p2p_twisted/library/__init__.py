"""The peer's own documents: shared folders, safe paths, hashes and their cache, pieces, titles."""
