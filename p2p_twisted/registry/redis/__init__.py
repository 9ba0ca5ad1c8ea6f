"""The store in Redis (or Valkey), which any number of RS on any number of machines share. `store` says how it works."""
