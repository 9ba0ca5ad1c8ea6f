"""The targets, a module each: ``one(data)`` fails unless the input is either refused as documented or understood."""
