"""Which peer has which document: records of many peers, their TTLs, and search. Pure: time is an argument."""
