"""Who has what: the merged records of many peers, their TTLs, and search. Pure: time is an argument."""
