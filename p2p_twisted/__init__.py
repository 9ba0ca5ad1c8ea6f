"""Share documents between peers; a registration server knows only who is there.

The floors, from the bottom: ``wire``; ``registry``, ``library``, ``index``; ``swarm``; ``rs``, ``peer``, ``web``;
``cli``, ``experiment``. Imports run downward only.
"""

__version__ = "0.1.0"
