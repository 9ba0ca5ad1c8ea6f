"""Which piece from whom (pure), and the download that carries it out. Knows neither RS nor configuration."""
