"""Saved edits take effect within two seconds, or change nothing and are reported."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from watchfiles import awatch

from monitor import settings
from monitor.errors import ConfigError, StoreError
from monitor.settings import Configuration

SETTLE_MS = 250  # an editor saves in several steps; a shorter look wakes an idle machine twenty times a second
LOOK_MS = 1_000  # how often files are looked at that no event tells of: behind links, on network drives
AGAIN_AFTER_S = 2.0  # the database cannot be written: the edit waits, and with it those after it

Stamps = tuple[tuple[str, int, int, int], ...]

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
            step=SETTLE_MS,
            stop_event=stop,
            recursive=True,
            ignore_permission_denied=True,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
        )
        known = await asyncio.to_thread(_stamps, self.configuration.dir)
        async for changed in changes:
            there = await asyncio.to_thread(_stamps, self.configuration.dir)
            if there == known:
                continue
            if not changed:  # no event, so nobody waited for the save to end
                await asyncio.sleep(SETTLE_MS / 1_000)
                there = await asyncio.to_thread(_stamps, self.configuration.dir)
            known = there
            try:
                await self.reload()
            except Exception:
                log.exception("reload met a bug", kept="the last good configuration", remedy="edit again")

    async def reload(self) -> None:
        """Load, check, and put in force; or keep the last good configuration and say what is wrong."""
        try:
            loaded = await asyncio.to_thread(settings.load, self.configuration.dir, self._environ, self.configuration)
        except ConfigError as error:
            log.error("configuration rejected", problem=str(error), kept="the last good configuration")
            await self._hand_over(Reloaded(self.configuration, str(error)))
            return
        needs = settings.changed_needing_restart(self.configuration.settings, loaded.settings)
        if needs:
            log.warning("configuration needs a restart", keys=", ".join(needs), rest="applied")
            loaded = settings.keeping_restart_keys(self.configuration, loaded)
        for warning in loaded.warnings:
            log.warning("configuration advice", text=warning)
        self.configuration = loaded
        await asyncio.to_thread(settings.remember_examples, loaded)
        log.info("configuration loaded", feeds=len(loaded.feeds), rules=len(loaded.rules.rules))
        await self._hand_over(Reloaded(loaded))

    async def _hand_over(self, reloaded: Reloaded) -> None:
        """Put an outcome in force, however long the database refuses: an edit is not lost, nor is the watch."""
        refused = False
        while True:
            try:
                await self._apply(reloaded)
            except StoreError as error:
                if not refused:
                    log.error("configuration not stored", problem=str(error), again_in_s=AGAIN_AFTER_S)
                refused = True
                await asyncio.sleep(AGAIN_AFTER_S)
            else:
                return


def _stamps(directory: Path) -> Stamps:
    """What tells one state of the files from another, links followed: path, time of change, size, inode."""
    try:
        rules = settings.rule_paths(directory)
    except ConfigError:
        rules = ()
    found = []
    for path in (directory / "monitor.yaml", directory / "feeds.yaml", *rules):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)
