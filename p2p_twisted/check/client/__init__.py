"""The checks of a client: what somebody's program asks an RS and peers of ours, and what it makes of their answers."""

from __future__ import annotations

from ..model import checks_of
from . import answers_in_ways, sequence

CHECKS = checks_of(sequence, answers_in_ways)
