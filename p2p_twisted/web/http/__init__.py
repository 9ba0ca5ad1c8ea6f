"""The HTTP server under every page and API call: bounded, timed out, guarded."""
