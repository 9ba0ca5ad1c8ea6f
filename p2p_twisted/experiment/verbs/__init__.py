"""The verbs of ``p2p`` that run the demo and experiments, loaded by name by ``cli.main``."""
