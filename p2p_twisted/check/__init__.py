"""The tester: named checks of somebody's server over TCP. It shares no code with the servers that it judges."""
