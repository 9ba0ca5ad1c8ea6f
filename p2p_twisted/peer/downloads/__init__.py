"""Downloads: from the user's request to verified files in place."""
