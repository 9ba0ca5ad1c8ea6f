"""The network laboratory's benchmarks: whole systems on shaped links, until the last host has all, verified."""
