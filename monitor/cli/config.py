"""`init` writes a starter configuration, `check` reads one as the service would and says what it found."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor import settings
from monitor.alerts.decide import Route
from monitor.alerts.receivers import ConsoleReceiver, SlackReceiver
from monitor.cli import output
from monitor.cli.context import current
from monitor.counts import counted
from monitor.errors import ConfigError, UsageError
from monitor.feeds.plan import Polling
from monitor.settings import Configuration
from monitor.yamlfile import format_duration

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SHIPPED = ("monitor.yaml", "feeds.yaml", "rules", "schema")


def init(
    ctx: typer.Context,
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where to write: --config, else ./config.", show_default=False)
    ] = None,
) -> None:
    """Write a starter configuration: settings that explain themselves, some 65 feeds, and a first pack of rules.

    Nothing is overwritten. Afterwards edit the files; a running service takes saved edits up within two seconds.
    """
    directory = directory or current(ctx).config or Path("config")
    taken = [name for name in SHIPPED if (directory / name).exists()]
    if taken:
        raise UsageError(f"{directory / taken[0]} exists, and init overwrites nothing: name another directory")
    try:
        _copy(settings.packaged_config(), directory)
    except OSError as error:
        raise UsageError(f"{error.filename or directory}: {error.strerror or error}; nothing was written") from None
    option = "" if directory == Path("config") else f" --config {directory}"
    output.say(f"Wrote {directory}/: monitor.yaml (settings), feeds.yaml (feeds), rules/ (what to watch for).")
    output.say("")
    output.say("Next:")
    output.say(f"  licensewatch{option} check           read it as the service would")
    output.say(f"  licensewatch{option} run             poll; alerts appear here until Slack is connected")
    output.say(
        f"  licensewatch{option} slack manifest  the Slack app to make; then set SLACK_BOT_TOKEN and SLACK_CHANNEL"
    )


def _copy(source: Path, target: Path) -> None:
    """All of it or nothing: written beside the target first, so that a full disk leaves no half configuration."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".licensewatch-init-") as scratch:
        for name in SHIPPED:
            copy = Path(scratch, name)
            if (source / name).is_dir():
                shutil.copytree(source / name, copy, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
            else:
                shutil.copyfile(source / name, copy)
        target.mkdir(exist_ok=True)
        for name in SHIPPED:
            Path(scratch, name).rename(target / name)


def check(ctx: typer.Context, json_: JsonOption = False) -> None:
    """Read the whole configuration, the rules' own examples included, and name every mistake with its place.

    Exit 0: the service would start with it (there may be warnings). Exit 2: it would not, or would keep the old one.
    """
    directory = current(ctx).directory()
    try:
        configuration = settings.load(directory, os.environ)
    except ConfigError as error:
        _report_problems(directory, error, json_)
        raise typer.Exit(2) from None
    warnings = [*configuration.warnings, *_state_warnings(configuration.settings.state_dir)]
    if json_:
        output.emit_json(_as_json(configuration, warnings))
        return
    output.table("", ["what", "found"], _summary(configuration, os.environ))
    for warning in warnings:
        output.warn(warning)
    output.say("")
    warned = f"; {counted(len(warnings), 'warning')}" if warnings else ""
    output.say(f"The configuration is good{warned}.")


def _report_problems(directory: Path, error: ConfigError, json_: bool) -> None:
    if json_:
        found = [
            {
                "file": problem.place.file,
                "line": problem.place.line,
                "column": problem.place.column,
                "message": problem.message,
                "remedy": problem.remedy,
            }
            for problem in error.problems
        ]
        output.emit_json({"ok": False, "dir": str(directory), "problems": found, "warnings": []})
        return
    for problem in error.problems:
        output.fail(str(problem))
    output.fail(f"{counted(len(error.problems), 'mistake')}; the service would not take this configuration")


def _as_json(configuration: Configuration, warnings: Sequence[str]) -> dict[str, Any]:
    chosen = configuration.settings
    return {
        "ok": True,
        "dir": str(configuration.dir),
        "problems": [],
        "warnings": list(warnings),
        "feeds": len(configuration.feeds),
        "rules": len(configuration.rules.rules),
        "vocabularies": len(configuration.rules.vocabularies),
        "receivers": [receiver.name for receiver in chosen.receivers],
        "database": without_password(chosen.database),
        "state_dir": str(chosen.state_dir),
    }


def _summary(configuration: Configuration, env: Mapping[str, str]) -> list[tuple[str, str]]:
    chosen = configuration.settings
    polling, web = chosen.polling, chosen.web
    return [
        ("configuration", str(configuration.dir)),
        ("database", without_password(chosen.database)),
        ("state", str(chosen.state_dir)),
        ("feeds", _feeds_in_words(configuration)),
        ("polling", _polling_in_words(polling)),
        ("rules", _rules_in_words(configuration)),
        *((f"receiver {receiver.name}", _receiver_in_words(receiver, env)) for receiver in chosen.receivers),
        *((f"route {i}", _route_in_words(route)) for i, route in enumerate(chosen.routes, 1)),
        ("operations", f"to {', '.join(chosen.ops.receivers) or 'nobody: dead feeds are only in status and the log'}"),
        ("web", f"http://{web.listen}/" if web.listen else "off"),
    ]


def _feeds_in_words(configuration: Configuration) -> str:
    feeds = configuration.feeds
    trusts = Counter(feed.trust.value for feed in feeds)
    paused = sum(feed.paused for feed in feeds)
    words = ", ".join(f"{count} {trust}" for trust, count in trusts.most_common())
    return f"{len(feeds)} ({words})" + (f", {paused} of them paused" if paused else "")


def _polling_in_words(polling: Polling) -> str:
    interval, longest = format_duration(polling.interval), format_duration(polling.max_interval)
    words = f"every {interval}" + (f" to {longest}, learnt" if polling.rhythm.value == "learnt" else ", fixed")
    return words + ("" if polling.contact else "; no polling.contact: publishers cannot reach you")


def _rules_in_words(configuration: Configuration) -> str:
    rules = configuration.rules
    files = len(settings.rule_paths(configuration.dir))
    where = f"in {counted(files, 'file')}"
    return f"{len(rules.rules)} with {len(rules.vocabularies)} vocabularies, {where}; all examples hold"


def _receiver_in_words(receiver: Any, env: Mapping[str, str]) -> str:
    if isinstance(receiver, ConsoleReceiver):
        return "the screen"
    found = settings.credential(receiver.credential, env)
    places = settings.places_of(receiver.credential, env)
    where = f"credential in {found.where}" if found else f"credential not found; looked in {places}"
    if isinstance(receiver, SlackReceiver):
        return f"Slack channel {receiver.channel or '(none yet)'}; {where}"
    return f"Slack webhook; {where}"


def _route_in_words(route: Route) -> str:
    asked = {name: getattr(route.match, name) for name in route.match.__dataclass_fields__}
    words = [f"{key}: {_any_of(value)}" for key, value in asked.items() if value is not None]
    to = ", ".join(route.receivers) or "nobody"
    return f"{'; '.join(words) or 'everything else'} → {to}" + (", and on" if route.continue_ else "")


def _any_of(value: object) -> str:
    return " or ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _state_warnings(state_dir: Path) -> list[str]:
    """Whether the state could be written; the directory itself is made at the first start."""
    existing = next(path for path in (state_dir, *state_dir.parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return []
    return [f"{state_dir}: this account cannot write here; set state_dir in monitor.yaml or run as the right account"]


def without_password(url: str) -> str:
    """A database URL as it may be shown."""
    scheme, separator, rest = url.partition("://")
    account, at, host = rest.rpartition("@")
    user = account.partition(":")[0]
    return f"{scheme}{separator}{user}{at}{host}" if at and scheme != "sqlite" else url
