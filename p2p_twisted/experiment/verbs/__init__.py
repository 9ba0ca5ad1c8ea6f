"""The verbs of ``p2p`` that run the demo and experiments."""
