"""The settings of a process: each with its value and where that came from."""

from __future__ import annotations

from typing import Any

from ...config.settings import SettingsOptions
from .schema import Settings, SettingValue


def describe_settings(options: SettingsOptions) -> Settings:
    """Return every setting of the parsed `options`."""
    names = [setting.name for setting in options.settings]
    return Settings([SettingValue(name, _plain(options[name]), options.origins[name]) for name in names])


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
