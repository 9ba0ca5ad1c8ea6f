"""The settings of a peer: the table for command line and config file, and their values as one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.folders import default_state_dir, folder
from ..config.hosts import host, host_and_port, host_with_port
from ..config.json_log import LOG_FORMAT
from ..config.rates import parse_rate
from ..config.settings import ADMISSION, TLS, Network, Setting, SettingsError, network, whole
from ..config.shares import Share, members, parse_share
from ..config.sites import NETWORKS, SitePrefix, site_name, site_prefix
from ..net.trace import TRACE
from ..wire.limits import RS_PORT
from .wants.want import check_pattern

SETTINGS = (
    Setting("rs-host", "Host of the only registration server, as HOST or HOST:PORT.", host_and_port),
    Setting("rs-port", "Port of the registration server in --rs-host.", whole(1, 65535), str(RS_PORT)),
    Setting(
        "rs",
        "A registration server, as HOST or HOST:PORT; without a port, the SRV records of HOST count if it has any. Of "
        "several, this peer uses one, and another where that fails.",
        host_with_port,
        repeatable=True,
    ),
    Setting(
        "listen", "Address at which to serve: a Twisted endpoint. Default: the first free port from 65400 to 65500."
    ),
    *ADMISSION,
    TLS,
    Setting(
        "share",
        "A folder to share, with everything below it; as DIR:NAME,@GROUP with these peers only, which needs --tls.",
        parse_share,
        repeatable=True,
    ),
    Setting("download-dir", "Folder for downloads; it is shared too. Default: downloads in the state folder.", folder),
    Setting(
        "want",
        "Documents to fetch whenever they appear or change: a name, a pattern with * or ?, or FOLDER/.",
        check_pattern,
        repeatable=True,
    ),
    Setting(
        "state-dir",
        "Folder of the cookie, the hashes, the API key and the control socket.",
        folder,
        default_state_dir("peer"),
    ),
    Setting("web", "Address of the control API in addition to its Unix socket: a Twisted endpoint."),
    LOG_FORMAT,
    TRACE,
    Setting(
        "up-rate",
        "Maximum rate of sending files, such as 500K or 2MiB (bytes per second), 20Mbit, or none.",
        parse_rate,
        "none",
    ),
    Setting(
        "down-rate",
        "Maximum rate of receiving files, such as 500K or 2MiB (bytes per second), 20Mbit, or none.",
        parse_rate,
        "none",
    ),
    Setting(
        "dial",
        "Network in CIDR notation, or address, to which others may send this peer, whatever it is and even if the RS "
        "does not list it.",
        network,
        repeatable=True,
    ),
    Setting(
        "index-memory",
        "MiB of memory for the records of other peers; 1 MiB is enough for about 2 500 documents.",
        whole(1, 65536),
        "40",
    ),
    Setting(
        "site",
        "Name of the site at which this peer is: each piece of a document is fetched from elsewhere once for all peers "
        "of a site. Default: the network of its address.",
        site_name,
    ),
    Setting(
        "site-prefix",
        "Bits of an address that are the same at one site, of IPv4, or of IPv4 and IPv6: 24,64.",
        site_prefix,
        "24,64",
    ),
    Setting("advertise", "Host under which others reach this peer, if not the one that the RS sees.", host),
)
"""The settings of a peer, on the command line and in ``[peer]`` of a config file."""


@dataclass
class PeerSettings:
    """The settings of a peer. `listen` is a Twisted endpoint string, or None for the first free port of PORTS."""

    rs_host: str | None
    state_dir: Path
    download_dir: Path
    rs_port: int = RS_PORT
    rs: Sequence[tuple[str, int | None]] = field(default_factory=list)
    """Further registration servers: host, and port if it is given."""
    listen: str | None = None
    allow: Sequence[Network] = ()
    deny: Sequence[Network] = ()
    """The networks from which others may connect (none given: all), and those from which they may not."""
    tls: Path | None = None
    """The folder with this peer's certificate; None without TLS."""
    dial: Sequence[Network] = ()
    """Networks whose addresses are dialled whatever they are, if another peer names them."""
    share: list[Share] = field(default_factory=list)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The groups of peers with which folders may be shared: name -> names of peers."""
    index_memory: int = 40
    """MiB for the records of other peers."""
    advertise: str | None = None
    site: str | None = None
    """The name of this peer's site, None if it has none."""
    site_prefix: SitePrefix = NETWORKS
    """How much of an address tells the site of a peer without such a name."""
    up_rate: float | None = None
    down_rate: float | None = None
    """Bytes/s of files sent and received, None without limit."""
    want: Sequence[str] = ()
    """Documents that it keeps fetching, by names and patterns."""
    is_brief: bool = False
    """Whether it ends with a command: then no later start goes on with what it has not done, and it has no wants."""

    def registration_servers(self) -> list[tuple[str, int | None]]:
        """Return the host of each registration server, and its port unless the SRV records of the host say it."""
        return [*self.rs, *([] if self.rs_host is None else [(self.rs_host, self.rs_port)])]

    def audience(self, share: Share) -> frozenset[str] | None:
        """Return the names of the peers with which `share` is shared, None for all. Raises ValueError."""
        if share.readers is None:
            return None
        if self.tls is None:
            raise ValueError(f"{share.folder} can be shared with some peers only with --tls, which shows who asks")
        return members(share.readers, self.groups)

    def audiences(self) -> dict[Path, frozenset[str]]:
        """Return the audience of each private folder in `share`. Raises SettingsError."""
        found: dict[Path, frozenset[str] | None] = {}
        for share in self.share:
            try:
                audience = self.audience(share)
            except ValueError as error:
                raise SettingsError(f"--share {share}: {error}") from None
            if found.setdefault(share.folder, audience) != audience:
                raise SettingsError(f"--share {share}: this folder is shared with others already; share it once")
        return {path: audience for path, audience in found.items() if audience is not None}


def peer_settings(values: Mapping[str, Any]) -> PeerSettings:
    """Return the settings of a peer, made from the values of SETTINGS by name."""
    state_dir: Path = values["state-dir"]
    return PeerSettings(
        rs=[host_and_port(text) for text in values["rs"]],
        rs_host=values["rs-host"],
        rs_port=values["rs-port"],
        listen=values["listen"],
        allow=values["allow"],
        deny=values["deny"],
        tls=values["tls"],
        share=list(values["share"]),
        groups=values["groups"],
        download_dir=values["download-dir"] or state_dir / "downloads",
        want=values["want"],
        state_dir=state_dir,
        dial=values["dial"],
        index_memory=values["index-memory"],
        site=values["site"],
        site_prefix=values["site-prefix"],
        advertise=values["advertise"],
        up_rate=values["up-rate"],
        down_rate=values["down-rate"],
    )
