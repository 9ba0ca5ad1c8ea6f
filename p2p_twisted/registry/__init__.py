"""The peers that an RS knows: the rules of their records, and the stores that keep them. Knows no connections."""
