"""The experiment page as an extension of the RS's site (``p2p-rs --lab``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...web.extension import SiteExtension
from .service import Lab
from .site import lab_site


def make_page(reactor: Any, folder: Path) -> SiteExtension:
    """Return the page, with a service that runs experiments in folders below `folder`.

    `reactor` is an IReactorProcess and IReactorTime. Raises OSError when `folder` cannot be made or read.
    """
    return lab_site(Lab(reactor, folder), reactor)
