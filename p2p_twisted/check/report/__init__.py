"""Results in the forms that programs and people read."""
