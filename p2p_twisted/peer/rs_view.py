"""The RS of a peer as the API shows it (docs/api.rst)."""

from __future__ import annotations

from ..web.api.schema import OtherRs, RsConnection
from .peers.probing import Reachability
from .peers.registration import Registration


def rs_connection(registration: Registration, reachability: Reachability, now: float) -> RsConnection:
    """Return the RS that the peer uses, and whether others can reach the peer; `now` is the reactor's seconds."""
    choice = registration.pool.choice
    return RsConnection(
        host=registration.rs[0],
        port=registration.rs[1],
        address=None if choice.current is None else choice.current.host,
        why=choice.why(now),
        others=[OtherRs(*rs, choice.error_of(rs)) for rs in choice.known if rs != choice.current],
        registered=registration.registered,
        last_error=registration.error,
        reachable=reachability.is_reachable,
        unreachable_why=reachability.why,
    )
