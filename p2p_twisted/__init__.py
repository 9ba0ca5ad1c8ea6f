"""Share documents between peers. A registration server knows only which peers are active.

The floors, from the bottom: ``wire``; ``config``, ``events``; ``net``, ``registry``, ``library``, ``index``; ``swarm``;
``rs``, ``peer``, ``web``; ``cli``; ``experiment``. Imports run downward only.
"""

__version__ = "0.2.0"
