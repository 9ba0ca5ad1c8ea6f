"""The settings of an RS: the table for command line and config file."""

from __future__ import annotations

from ..config.folders import default_state_dir, folder
from ..config.json_log import LOG_FORMAT
from ..config.settings import ADMISSION, TLS, Setting, network, one_of, whole, yes_or_no
from ..net.trace import TRACE
from ..registry.redis.engine import Engine, parse_engine, parse_prefix
from ..wire.limits import RS_PORT, TTL
from .limits import Limits

LIMITS = (
    Setting(
        "max-peers-per-host",
        "Maximum number of peers that one host outside the trusted networks may register.",
        whole(1, 10**9),
        str(Limits.max_peers_per_host),
    ),
    Setting(
        "max-requests-per-second",
        "Requests that one host outside the trusted networks may make a second in the long run; ten times as many at "
        "once.",
        whole(1, 10**6),
        str(Limits.max_requests_per_second),
    ),
    Setting(
        "max-wrong-cookies",
        "Wrong cookies after which the connections of a host are refused for five minutes.",
        whole(1, 10**9),
        str(Limits.max_wrong_cookies),
    ),
    Setting(
        "max-wrong-cookies-per-minute",
        "Wrong cookies of a host that are forgiven each minute.",
        whole(1, 10**6),
        str(Limits.max_wrong_cookies_per_minute),
    ),
    Setting(
        "max-connections",
        "Maximum number of connections at a time; one more gets the place of the slowest.",
        whole(1, 10**6),
        str(Limits.max_connections),
    ),
    Setting(
        "max-connections-per-host",
        "Maximum number of connections of one host at a time.",
        whole(1, 10**6),
        str(Limits.max_connections_per_host),
    ),
    Setting(
        "request-timeout",
        "Seconds in which a request must have come whole, 1 to 3600.",
        whole(1, 3600),
        str(Limits.request_timeout),
    ),
    Setting(
        "peer-list",
        "Peers, chosen by chance, that one gets which asks for the list of all; it can read all in parts. 1 to 1000.",
        whole(1, 1000),
        str(Limits.peer_list),
    ),
    Setting(
        "peer-list-1-0",
        "Maximum number of peers in the list of all that clients of version 1.0 get.",
        whole(1, 10**6),
        str(Limits.peer_list_1_0),
    ),
)
"""What strangers may do at an RS, each of a host: see `Limits`."""


def registry(text: str) -> str | Engine:
    """Convert the name of a local registry, or the URL of an engine. Raises ValueError."""
    if text in ("sqlite", "memory"):
        return text
    if "://" not in text:
        raise ValueError("must be sqlite, memory, or a URL such as redis://HOST:PORT/DB")
    return parse_engine(text)


SETTINGS = (
    Setting("listen", "Address at which peers reach the RS: a Twisted endpoint on TCP.", str, f"tcp:{RS_PORT}"),
    *ADMISSION,
    TLS,
    Setting(
        "state-dir", "Folder of the registry, the API key and the control socket.", folder, default_state_dir("rs")
    ),
    Setting(
        "registry",
        "sqlite: kept in the state folder; memory: lost at the end; redis://HOST:PORT/DB: shared with other RS.",
        registry,
        "sqlite",
    ),
    Setting(
        "sync",
        "normal: a crash of the machine may take the last Registers and Leaves; always: each waits for the disk. For "
        "sqlite.",
        one_of("normal", "always"),
        "normal",
    ),
    Setting(
        "registry-prefix",
        "Beginning of the names of all keys in Redis: RS with the same one share a registry.",
        parse_prefix,
        "p2p:",
    ),
    Setting(
        "registry-wait",
        "Seconds to wait at the start for a Redis that is not there yet, 0 to 86400.",
        whole(0, 86_400),
        "0",
    ),
    Setting(
        "workers",
        "Processes that serve the port, 1 to 64: one for each core is best. More than one need a registry in Redis.",
        whole(1, 64),
        "1",
    ),
    Setting(
        "ttl",
        "Seconds for which a peer is active unless it renews its registration, 1 to 2592000.",
        whole(1, 2_592_000),
        str(TTL),
    ),
    Setting(
        "trusted-network",
        "Network in CIDR notation from which a peer may name another address than its own in its Host line, and "
        "register any number of peers.",
        network,
        "127.0.0.0/8, ::1/128",
        repeatable=True,
    ),
    *LIMITS,
    Setting("web", "Address of the control API in addition to its Unix socket: a Twisted endpoint."),
    LOG_FORMAT,
    TRACE,
    Setting(
        "announce",
        "Announce the RS on the local network by multicast DNS, so that peers without --rs find it.",
        yes_or_no,
        "no",
        flag=True,
    ),
    Setting(
        "lab",
        "Serve a page at /lab on which experiments are started and watched; --web says where.",
        yes_or_no,
        "no",
        flag=True,
    ),
)
"""The settings of an RS, on the command line and in ``[rs]`` of a config file."""
