"""Saved edits take effect within two seconds, or change nothing and are reported."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from watchfiles import awatch

from monitor import settings
from monitor.errors import ConfigError
from monitor.settings import Configuration

SETTLE_MS = 250  # an editor saves in several steps

log = structlog.get_logger("configuration")


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of an edit: the configuration now in force, and the problem that kept an edit out of it."""

    configuration: Configuration
    problem: str = ""


class Reloader:
    """Watches the configuration directory and hands over every outcome of loading it again."""

    def __init__(
        self, configuration: Configuration, environ: Mapping[str, str], apply: Callable[[Reloaded], Awaitable[None]]
    ) -> None:
        self.configuration = configuration
        self._environ = environ
        self._apply = apply

    async def run(self, stop: asyncio.Event) -> None:
        """Reload after every change on disk until `stop` is set."""
        changes = awatch(
            self.configuration.dir,
            debounce=SETTLE_MS,
            step=50,
            stop_event=stop,
            recursive=True,
            ignore_permission_denied=True,
        )
        async for changed in changes:
            if any(path.endswith((".yaml", ".yml")) for _, path in changed):
                await self.reload()

    async def reload(self) -> None:
        """Load, check, and put in force; or keep the last good configuration and say what is wrong."""
        try:
            loaded = await asyncio.to_thread(settings.load, self.configuration.dir, self._environ, self.configuration)
        except ConfigError as error:
            log.error("rejected", problem=str(error), kept="the last good configuration")
            await self._apply(Reloaded(self.configuration, str(error)))
            return
        needs = settings.changed_needing_restart(self.configuration.settings, loaded.settings)
        if needs:
            log.warning("restart needed", keys=", ".join(needs), rest="applied")
            loaded = settings.keeping_restart_keys(self.configuration, loaded)
        for warning in loaded.warnings:
            log.warning("advice", text=warning)
        self.configuration = loaded
        log.info("loaded", feeds=len(loaded.feeds), rules=len(loaded.rules.rules))
        await self._apply(Reloaded(loaded))
