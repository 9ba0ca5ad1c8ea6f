"""The pages that a person sees in a browser, for both roles: made on the server, kept current by a small script."""
