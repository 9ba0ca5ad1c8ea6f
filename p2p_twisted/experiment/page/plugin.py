"""The experiment page as an extension of the RS's site (``p2p-rs --lab``), loaded by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...web.extension import SiteExtension
from .resources import experiment_site
from .service import ExperimentService


def make_page(reactor: Any, folder: Path) -> SiteExtension:
    """Return the page, with a service that runs experiments in folders below `folder`.

    `reactor` is an IReactorProcess and IReactorTime. Raises OSError if `folder` cannot be made or read.
    """
    return experiment_site(ExperimentService(reactor, folder), reactor)
