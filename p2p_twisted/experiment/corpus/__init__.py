"""Documents to share: made here, chosen from a folder, or fetched from an RFC mirror."""
