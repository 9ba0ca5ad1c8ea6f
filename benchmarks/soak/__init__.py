"""Long runs on loopback that look for faults: a random life of peers, large pushes, holders that are gone."""
