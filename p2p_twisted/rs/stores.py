"""The store that ``--registry`` names."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..config.extras import REDIS, TLS, missing
from ..config.settings import SettingsOptions
from ..config.startup import StartError
from ..registry.memory import MemoryStore
from ..registry.record import Clocks
from ..registry.redis.engine import Engine
from ..registry.sqlite import SQLiteStore
from ..registry.store import Store

REGISTRY_FILE = "registry.sqlite"


def check_store(options: SettingsOptions) -> None:
    """Make sure that an engine can be used, and wait for it if told to. Blocks. Raises StartError, StoreError."""
    engine = options["registry"]
    if isinstance(engine, Engine):
        if line := missing(REDIS) or (missing(TLS) if engine.tls else None):
            raise StartError(line)
        from ..registry.redis.check import check_engine

        check_engine(engine, options["registry-prefix"], options["registry-wait"])


def make_store(options: SettingsOptions, reactor: Any) -> Store:
    """Return the store; `check_store` has been called, in this process or its parent. Raises StoreError."""
    clocks, registry = Clocks(options["ttl"]), options["registry"]
    if isinstance(registry, Engine):
        from ..registry.redis.store import RedisStore

        return RedisStore(reactor, clocks, registry, options["registry-prefix"])
    if registry == "memory":
        return MemoryStore(clocks)
    path, is_always_synced = options["state-dir"] / REGISTRY_FILE, options["sync"] == "always"
    return SQLiteStore(path, clocks, partial(reactor.callLater, 0), is_always_synced)
