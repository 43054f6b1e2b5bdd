"""What the commands share: where the configuration is, and a database opened for it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from monitor.cli.garbage import making_what_stays

if TYPE_CHECKING:  # the store and the settings take half a second, and --version needs neither
    from monitor.errors import Problem
    from monitor.rules.beside import Beside
    from monitor.settings import Configuration, Settings
    from monitor.store.engine import Database


@dataclass
class Context:
    """The global options, and what follows from them, made when first asked for."""

    config: Path | None = None
    verbose: bool = False
    _configuration: Configuration | None = field(default=None, repr=False)
    _readable: tuple[Configuration, tuple[Problem, ...]] | None = field(default=None, repr=False)

    def directory(self) -> Path:
        """The configuration directory (raises ConfigError when there is none)."""
        from monitor import settings

        return settings.find_config_dir(self.config, os.environ)

    def configuration(self) -> Configuration:
        """The configuration, loaded once (raises ConfigError with every mistake in it)."""
        from monitor import settings

        if self._configuration is None:
            with making_what_stays():
                self._configuration = settings.load(self.directory(), os.environ, recall=True)
        return self._configuration

    def ahead(self) -> Beside | None:
        """Rules that are made while the rest of the program is imported (settings.ahead)."""
        from monitor import settings

        with making_what_stays():
            return settings.ahead(self.directory(), self.settings().state_dir)

    def begin(self, rules: Beside | None) -> Configuration:
        """The configuration, its rules perhaps still under way (settings.begin)."""
        from monitor import settings

        with making_what_stays():
            self._configuration = settings.begin(self.directory(), os.environ, rules)
        return self._configuration

    def with_rules(self, configuration: Configuration, rules: Beside) -> Configuration:
        """What `begin` returned, with rules that were under way (settings.with_rules)."""
        from monitor import settings

        with making_what_stays():
            self._configuration = settings.with_rules(configuration, rules)
        return self._configuration

    def settings(self) -> Settings:
        """monitor.yaml alone: commands that need no feeds and no rules work while those are broken."""
        from monitor import settings

        if self._configuration is not None:
            return self._configuration.settings
        return settings.load_settings(self.directory(), os.environ)

    def readable(self) -> tuple[Configuration, tuple[Problem, ...]]:
        """What can be read of the configuration, and what is wrong with it: for a command that looks and says so."""
        from monitor import settings

        if self._readable is None:
            self._readable = settings.load_readable(self.directory(), os.environ)
        return self._readable

    def looking(self, *needed: str) -> Configuration:
        """What can be read, its mistakes said on stderr. ConfigError when one is in a file that is `needed`: feeds.yaml
        or rules."""
        from monitor.errors import ConfigError

        configuration, mistakes = self.readable()
        for path in (Path(mistake.place.file) for mistake in mistakes):
            if any(configuration.dir / name in (path, *path.parents) for name in needed):
                raise ConfigError(*mistakes)
        _say(mistakes)
        return configuration

    def place(self) -> str:
        """The URL of the database, for a command that only looks into it: a broken monitor.yaml that says it is enough.

        Its mistakes are said on stderr, unless the command has seen them.
        """
        from monitor import settings

        known = self._configuration or (self._readable[0] if self._readable else None)
        if known is not None:
            return known.settings.database
        found, mistakes = settings.readable_settings(self.directory(), os.environ)
        _say(mistakes)
        return found.database

    def database(self) -> Database:
        """The configured database as it is, to look into. Where there is none yet: an empty one that goes with the
        process.

        Only `run`, `db upgrade` and `db copy` make or upgrade one: a command that looks leaves no file behind, and
        takes the database away from no older daemon. StoreError when its tables are of another revision.
        """
        from monitor.store.engine import Database

        database = Database(self.place(), command=True)
        if database.revision() is not None:
            database.check()
            return database
        scratch = tempfile.mkdtemp(prefix="licensewatch-")
        atexit.register(shutil.rmtree, scratch, ignore_errors=True)
        empty = Database(f"sqlite:///{scratch}/empty.db")
        empty.upgrade()
        return empty

    def existing(self) -> Database:
        """The configured database, for a command that writes: StoreError when there is none yet."""
        from monitor.store.engine import Database

        database = Database(self.settings().database, command=True)
        database.check()
        return database


def _say(mistakes: tuple[Problem, ...]) -> None:
    from monitor.cli import output

    for mistake in mistakes:
        output.warn(str(mistake))
    if mistakes:
        output.note("A daemon that runs keeps its last good configuration. Shown is what is known all the same.")


def current(ctx: typer.Context) -> Context:
    """The context that the global options made."""
    context = ctx.find_object(Context)
    if context is None:
        raise RuntimeError("a command ran without the main callback")
    return context
