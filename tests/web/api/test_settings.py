"""Settings as JSON, from the options of both verbs."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2p_twisted.peer import tap as peer
from p2p_twisted.rs import tap as rs
from p2p_twisted.web.api.schema import Settings
from p2p_twisted.web.api.settings import describe_settings
from tests.support.answers import as_json, from_json


def test_values_and_where_they_came_from(tmp_path: Path) -> None:
    file = tmp_path / "peer.conf"
    file.write_text("[peer]\nrs-host = 192.0.2.1\nshare = /srv/a, /srv/b\n")
    options = peer.Options()
    options.parseOptions(["--config", str(file), "--rs-port", "4000", "--up-rate", "500K"])
    found = {setting.name: (setting.value, setting.origin) for setting in describe_settings(options).items}
    assert found["rs-host"] == ("192.0.2.1", str(file))
    assert found["rs-port"] == (4000, "flag")
    assert found["share"] == (["/srv/a", "/srv/b"], str(file))
    assert found["up-rate"] == (500000.0, "flag")
    assert found["web"] == (None, "default")


@pytest.mark.parametrize("options", [peer.Options(), rs.Options()])
def test_all_of_it_is_json(options: peer.Options) -> None:
    options.parseOptions(["--rs-host", "localhost"] if isinstance(options, peer.Options) else [])
    found = describe_settings(options)
    assert from_json(Settings, as_json(found)) == found
    assert [setting.name for setting in found.items] == [setting.name for setting in options.settings]
