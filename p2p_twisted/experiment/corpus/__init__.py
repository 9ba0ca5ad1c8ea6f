"""Documents to share: generated, chosen from a folder, or fetched from an RFC mirror."""
