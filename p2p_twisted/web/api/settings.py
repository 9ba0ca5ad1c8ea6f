"""The settings of a process as JSON: each with its value and where that came from."""

from __future__ import annotations

from typing import Any

from ...config.settings import SettingsOptions
from .facade import Json


def settings_json(options: SettingsOptions) -> list[Json]:
    """Every setting of parsed `options`: name, value, and origin ("flag", "default", or the config file's path)."""
    names = [setting.name for setting in options.settings]
    return [{"name": name, "value": _plain(options[name]), "origin": options.origins[name]} for name in names]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
