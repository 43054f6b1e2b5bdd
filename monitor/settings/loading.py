"""From a configuration directory to one frozen Configuration, or one ConfigError that names every mistake."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from monitor.alerts.decide import Ops, Route
from monitor.alerts.receivers import SlackReceiver
from monitor.errors import ConfigError, Place, Problem
from monitor.model import Feed
from monitor.rules import passed
from monitor.rules.beside import Beside
from monitor.rules.load import load_rules
from monitor.rules.rule_set import RuleSet
from monitor.settings import mounts
from monitor.settings.checks import DEFAULT_RECEIVER, check_feeds, check_monitor, intervals_warnings, match_warnings
from monitor.settings.credentials import credential
from monitor.settings.rescue import places
from monitor.settings.rules import Found, read_rules
from monitor.settings.shape import FeedsFile, MonitorFile, Settings
from monitor.yamlfile import MappingNode, Node, ScalarNode, find, problem, typed
from monitor.yamlfile import load as load_yaml

SYSTEM_DIR = Path("/etc/licensewatch")
SYSTEM_STATE = Path("/var/lib/licensewatch")
DATABASE_CREDENTIAL = "licensewatch_database_url"  # as an environment variable: LICENSEWATCH_DATABASE_URL
T = TypeVar("T")
RESTART_KEYS = ("database", "state_dir", "web.listen")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that was configured, checked. `warnings` are sentences that begin with their place."""

    settings: Settings
    feeds: tuple[Feed, ...]
    rules: RuleSet
    warnings: tuple[str, ...]
    dir: Path

    def feed(self, feed_id: str) -> Feed | None:
        """The feed with this id."""
        return next((feed for feed in self.feeds if feed.id == feed_id), None)


def find_config_dir(option: Path | str | None, env: Mapping[str, str]) -> Path:
    """`--config`, else $LICENSEWATCH_CONFIG, else ./config, else /etc/licensewatch; absolute."""
    for name, given in (("--config", option), ("$LICENSEWATCH_CONFIG", env.get("LICENSEWATCH_CONFIG"))):
        if given:
            return _existing_dir(Path(given), name)
    for candidate in (Path("config"), SYSTEM_DIR):
        if _is_there(candidate / "monitor.yaml"):
            return candidate.absolute()
    looked = f"neither {Path('config').absolute()} nor {SYSTEM_DIR} holds a monitor.yaml"
    remedy = "`licensewatch init` writes a starter configuration; --config DIR names another place"
    raise ConfigError(Problem(Place("configuration", 0), looked, remedy))


def _is_there(path: Path) -> bool:
    """Whether there is something at the path. What may not be looked at counts: reading it will say why."""
    try:
        return path.exists()
    except PermissionError:
        return True


def _existing_dir(path: Path, name: str) -> Path:
    try:
        is_dir, is_file = path.is_dir(), path.is_file()
    except OSError as error:
        raise ConfigError(Problem(Place(str(path), 0), f"{name}: {error.strerror or error}")) from None
    if is_dir:
        return path.absolute()
    if is_file:
        remedy = f"give its directory: {path.parent}"
        raise ConfigError(Problem(Place(str(path), 0), f"{name} names a file, a directory is wanted", remedy))
    remedy = f"`licensewatch init {path}` writes a starter configuration there"
    raise ConfigError(Problem(Place(str(path), 0), f"{name} names a directory that does not exist", remedy))


def packaged_config() -> Path:
    """The starter configuration: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "_config"
    return shipped if shipped.is_dir() else package.parent / "config"


def load(
    config_dir: Path, env: Mapping[str, str], previous: Configuration | None = None, *, recall: bool = False
) -> Configuration:
    """Read and check everything, examples of rules included. ConfigError holds the mistakes of all files.

    Rules that `previous` holds unchanged do not run their examples again; with `recall`, nor do those whose examples
    passed when this program last worked on the state directory (`remember_examples`).
    """
    known = previous.rules.examples_passed if previous else frozenset()
    configuration, found = _load((config_dir, env), known, recall=recall)
    return dataclasses.replace(configuration, rules=found.checked())


def begin(config_dir: Path, env: Mapping[str, str], rules: Beside | None) -> Configuration:
    """As `load` with `recall`, but without rules where these are made beside (`ahead`): `with_rules` adds them."""
    configuration, found = _load((config_dir, env), frozenset(), recall=True, beside=rules)
    return configuration if rules is not None else dataclasses.replace(configuration, rules=found.checked())


def with_rules(configuration: Configuration, rules: Beside) -> Configuration:
    """What `begin` returned, with the rules that were made beside, compiled and no more so far (ConfigError says what
    keeps them from it): when their examples have held, `Beside.checked` says.
    """
    warnings = [*configuration.warnings]
    found = read_rules(configuration.dir, warnings, frozenset(), rules)
    warnings += match_warnings(configuration.settings.routes, configuration.feeds, found.rules)
    return dataclasses.replace(configuration, rules=found.rules, warnings=tuple(warnings))


def _load(
    at: tuple[Path, Mapping[str, str]], known: frozenset[str], *, recall: bool, beside: Beside | None = None
) -> tuple[Configuration, Found]:
    config_dir, env = at
    problems: list[Problem] = []
    unresolved: list[Problem] = []
    warnings: list[str] = []
    monitor = _attempt(problems, lambda: _load_monitor(config_dir / "monitor.yaml", warnings))
    feeds = _attempt(problems, lambda: _load_feeds(config_dir / "feeds.yaml", warnings))
    state_dir = _state_dir(monitor[1].state_dir, config_dir, env) if recall and monitor else None
    settings = _attempt(unresolved, lambda: _resolved(monitor[1], monitor[0], at)) if monitor else None
    later = beside is not None and not problems and not unresolved
    found = (
        Found(load_rules([]), beside)
        if later
        else _attempt(problems, lambda: read_rules(config_dir, warnings, known, beside or state_dir))
    )
    if found is not None and (problems or unresolved):
        _attempt(problems, found.checked)  # all mistakes are named at once
    if problems or unresolved or monitor is None or settings is None or feeds is None or found is None:
        raise ConfigError(*problems, *unresolved)
    if not later:
        warnings += match_warnings(settings.routes, feeds, found.rules)
    warnings += _channel_warnings(settings, env)
    return Configuration(settings, feeds, found.rules, tuple(warnings), config_dir), found


def load_settings(config_dir: Path, env: Mapping[str, str]) -> Settings:
    """monitor.yaml alone: enough to find the database while feeds or rules are being mended."""
    node, monitor = _load_monitor(config_dir / "monitor.yaml", [])
    return _resolved(monitor, node, (config_dir, env))


def load_readable(config_dir: Path, env: Mapping[str, str]) -> tuple[Configuration, tuple[Problem, ...]]:
    """What can be read, for commands that only look: a broken feeds.yaml has no feeds, broken rules are no rules, and
    a broken monitor.yaml says where the database is, if it can (`readable_settings`). The problems come with it.
    """
    settings, mistakes = readable_settings(config_dir, env)
    problems = list(mistakes)
    feeds = _attempt(problems, lambda: _load_feeds(config_dir / "feeds.yaml", []))
    rules = _attempt(problems, lambda: read_rules(config_dir, [], frozenset(), settings.state_dir).checked())
    return Configuration(settings, feeds or (), rules or load_rules([]), (), config_dir), tuple(problems)


def readable_settings(config_dir: Path, env: Mapping[str, str]) -> tuple[Settings, tuple[Problem, ...]]:
    """monitor.yaml, or, where it is broken, what still leads to the database, and the mistakes: the rest is as by
    default. A daemon runs on with its last good configuration, and people must be able to see how it does.

    ConfigError when it does not say beyond doubt where to look, or a SQLite database is not there.
    """
    path = config_dir / "monitor.yaml"
    try:
        return load_settings(config_dir, env), ()
    except ConfigError as error:
        found = _attempt([], lambda: _rescued(path, (config_dir, env)))
        if found is None:
            raise
        return found, error.problems


def _rescued(path: Path, at: tuple[Path, Mapping[str, str]]) -> Settings | None:
    node = places(path, tuple(field.name for field in dataclasses.fields(MonitorFile)), ("database", "state_dir"))
    if node is None:
        return None
    said = {key: value.text for key, value in node.values.items() if isinstance(value, ScalarNode)}
    found = _resolved(MonitorFile(database=said.get("database"), state_dir=said.get("state_dir")), node, at)
    file = found.database.removeprefix("sqlite:///")
    return found if file == found.database or Path(file).is_file() else None


def remember_examples(configuration: Configuration) -> None:
    """Let the next start, or a command beside this one, skip the examples that passed here."""
    passed.remember(configuration.settings.state_dir, configuration.rules.examples_passed)


def _attempt(problems: list[Problem], read: Callable[[], T]) -> T | None:
    """What `read` returns, or None and its problems noted: one broken file does not hide the mistakes of others."""
    try:
        return read()
    except ConfigError as error:
        problems.extend(error.problems)
        return None


def _load_monitor(path: Path, warnings: list[str]) -> tuple[Node, MonitorFile]:
    node = load_yaml(path)
    monitor: MonitorFile = typed(node, MonitorFile)
    problems = check_monitor(node, monitor)
    if problems:
        raise ConfigError(*problems)
    warnings += intervals_warnings(node, monitor)
    return node, monitor


def _load_feeds(path: Path, warnings: list[str]) -> tuple[Feed, ...]:
    node = load_yaml(path)
    feeds: tuple[Feed, ...] = typed(node, FeedsFile).feeds
    problems, found = check_feeds(node, feeds)
    if problems:
        raise ConfigError(*problems)
    warnings += found
    return feeds


def _resolved(monitor: MonitorFile, node: Node, at: tuple[Path, Mapping[str, str]]) -> Settings:
    config_dir, env = at
    sections = {field.name: getattr(monitor, field.name) for field in dataclasses.fields(MonitorFile)}
    state_dir = _state_dir(monitor.state_dir, config_dir, env)
    if monitor.state_dir:
        _refuse_without_parent("state_dir", monitor.state_dir, find(node, "state_dir").place)
    _refuse_without_disk("state_dir", state_dir, find(node, "state_dir").place)
    said = node.values if isinstance(node, MappingNode) else {}
    given = monitor.receivers if "receivers" in said else (SlackReceiver(name=DEFAULT_RECEIVER),)
    receivers = tuple(_with_channel(receiver, env) for receiver in given)
    everyone = tuple(receiver.name for receiver in receivers)
    sections |= {
        "database": _database(monitor.database, node, (config_dir, state_dir), env),
        "state_dir": state_dir,
        "receivers": receivers,
        "routes": monitor.routes if "routes" in said else (Route(to=everyone),),
        "ops": monitor.ops if "ops" in said else Ops(to=everyone[:1]),
    }
    return Settings(**sections)


def _with_channel(receiver: Any, env: Mapping[str, str]) -> Any:
    channel = env.get("SLACK_CHANNEL", "").strip()
    if isinstance(receiver, SlackReceiver) and not receiver.channel and channel:
        return dataclasses.replace(receiver, channel=channel)
    return receiver


def _state_dir(given: str | None, config_dir: Path, env: Mapping[str, str]) -> Path:
    if given:
        return Path(_normal(config_dir / Path(given).expanduser()))
    handed = env.get("STATE_DIRECTORY", "").split(":")[0]  # systemd gives a list
    if handed:
        return Path(handed)
    if config_dir == SYSTEM_DIR:
        return SYSTEM_STATE
    return config_dir.parent / "var"


def _refuse_without_parent(key: str, written: str, place: Place) -> None:
    """A directory that somebody named by its whole path is made, but not those above it: on a disk that is not mounted
    all of them are missing, and what is remembered would land on another."""
    directory = Path(written).expanduser()
    if not directory.is_absolute() or _is_there(directory.parent):
        return
    message = f"{key}: found {directory}, but there is no directory {directory.parent}"
    raise ConfigError(problem(place, message, "mount its disk, or make the directory: `mkdir -p` does"))


def _refuse_without_disk(key: str, directory: Path, place: Place) -> None:
    missing = mounts.away(directory)
    if missing is not None:
        message = f"{key}: found {directory}, but {missing} is in /etc/fstab and nothing is mounted there"
        raise ConfigError(problem(place, message, f"`mount {missing}`, or name another directory"))


def _normal(path: Path) -> Path:
    """Absolute and without `..`, links left alone: it is what a person reads in messages."""
    return Path(os.path.normpath(path.absolute()))


def _database(given: str | None, node: Node, dirs: tuple[Path, Path], env: Mapping[str, str]) -> str:
    """The SQLAlchemy URL, file names absolute. A password in it never enters a message."""
    config_dir, state_dir = dirs
    secret = credential(DATABASE_CREDENTIAL, env)
    if secret:
        return _database_url(secret.value, Path.cwd(), Place(secret.where, 0))
    if given:
        return _database_url(given, config_dir, find(node, "database").place)
    return f"sqlite:///{state_dir / 'licensewatch.db'}"


def _database_url(url: str, base: Path, place: Place) -> str:
    scheme, _, rest = url.partition("://")
    if scheme in {"postgresql", "postgres", "postgresql+psycopg"} and rest:
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite" and len(rest) > 1 and rest.startswith("/") and rest != "/:memory:":
        _refuse_without_parent("database", str(Path(rest[1:]).parent), place)
        file = _normal(base / Path(rest[1:]).expanduser())
        _refuse_without_disk("database", file.parent, place)
        return f"sqlite:///{file}"
    allowed = "allowed: sqlite:///relative/file.db, sqlite:////absolute/file.db, postgresql+psycopg://user@host/name"
    raise ConfigError(problem(place, f"database: found a URL that begins with '{scheme[:20]}'", allowed))


def _channel_warnings(settings: Settings, env: Mapping[str, str]) -> list[str]:
    slack = [one for one in settings.receivers if isinstance(one, SlackReceiver)]
    unnamed = [
        f"receiver {one.name}: no channel is named; set `channel:` in monitor.yaml, or $SLACK_CHANNEL"
        for one in slack
        if not one.channel and credential(one.credential, env)
    ]
    by_name = [
        f"receiver {one.name}: {one.channel} is a channel's name, and Slack's history is asked by id: a message whose "
        "outcome is unclear could not be looked for. Use the id (C0123ABCD, at the foot of the channel's details)"
        for one in slack
        if one.channel.startswith("#")
    ]
    return unnamed + by_name


def changed_needing_restart(old: Settings, new: Settings) -> tuple[str, ...]:
    """Which of the keys that only a restart applies differ."""
    return tuple(key for key in RESTART_KEYS if _value(old, key) != _value(new, key))


def keeping_restart_keys(old: Configuration, new: Configuration) -> Configuration:
    """The new configuration as far as it can be applied while running."""
    was = old.settings
    kept = dataclasses.replace(new.settings, database=was.database, state_dir=was.state_dir, web=was.web)
    return dataclasses.replace(new, settings=kept)


def _value(settings: Settings, key: str) -> Any:
    value: Any = settings
    for step in key.split("."):
        value = getattr(value, step)
    return value
