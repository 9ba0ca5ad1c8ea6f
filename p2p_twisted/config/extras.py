"""Optional dependencies: the line that a process ends with when one is not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

EXPERIMENT = {"fpdf": "fpdf2", "jinja2": "Jinja2", "matplotlib": "matplotlib"}
"""The modules of the extra ``experiment`` -> the distribution that has each."""
TLS = {"cryptography": "cryptography", "OpenSSL": "pyOpenSSL", "service_identity": "service-identity"}
"""The same of the extra ``tls``. Twisted needs the last of them where there is the second."""
METRICS = {"prometheus_client": "prometheus-client"}
"""The same of the extra ``metrics``."""
REDIS = {"txredisapi": "txredisapi", "hiredis": "hiredis"}
"""The same of the extra ``redis``. Without hiredis, txredisapi takes a turn of the reactor for each text of a reply."""
MDNS = {"zeroconf": "zeroconf", "ifaddr": "ifaddr"}
"""The same of the extra ``mdns``."""
EXTRAS = {"experiment": EXPERIMENT, "tls": TLS, "metrics": METRICS, "redis": REDIS, "mdns": MDNS}
DISTRIBUTIONS = {module: name for modules in EXTRAS.values() for module, name in modules.items()}


def missing(modules: Iterable[str]) -> str | None:
    """Return the line that names those of `modules`, keys of DISTRIBUTIONS, that are not installed; None if all are."""
    absent = [module for module in modules if not _is_installed(module)]
    return missing_line(absent) if absent else None


def missing_line(modules: list[str]) -> str:
    """Return the line that says that `modules`, all of one extra, are not installed, and what installs them."""
    names = [DISTRIBUTIONS[module] for module in modules]
    listed = " and ".join(", ".join(names).rsplit(", ", 1))
    extra = next(extra for extra, known in EXTRAS.items() if modules[0] in known)
    return f"{listed} {'is' if len(names) == 1 else 'are'} not installed: {_remedy(extra)}"


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # it is None in sys.modules
        return False


def _remedy(extra: str) -> str:
    """Return what to type: the checkout by its path if this runs from one, so that it works from any folder."""
    install = f"{quote(sys.executable)} -m pip install -e"
    root = Path(__file__).resolve().parents[2]
    if (root / "setup.cfg").is_file():
        return f"{install} {quote(f'{root}[{extra}]')}"
    return f"{install} '.[{extra}]', in a checkout of p2p_twisted"
