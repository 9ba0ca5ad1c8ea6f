"""HTTP for both roles: the JSON control API, and the small blocking client of it. Decides nothing itself."""
