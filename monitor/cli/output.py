"""Everything a command prints: tables, JSON, progress, errors. Colours are off when piped or NO_COLOR is set.

What goes to stderr is an event, one JSON object, where systemd's journal reads it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from monitor.clock import stamp
from monitor.text import printable

_GAP = 2  # blanks between columns
_FEW_WORDS = 16


class _Piped(Console):
    """A console whose reader may go away, as `head` does: rich itself would end the program with code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def stdout() -> Console:
    """The console for data. Wide when piped, so that lines are not broken for a terminal nobody has."""
    return _Piped(highlight=False, width=None if sys.stdout.isatty() else 200, soft_wrap=not sys.stdout.isatty())


def stderr() -> Console:
    """The console for progress, hints and errors."""
    return Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Print a line for a person; control and bidi characters in it are shown, not obeyed."""
    stdout().print(Text(printable(text)))


def note(text: str) -> None:
    """Print a hint on stderr, where it does not get into piped data."""
    if not _log("info", "command noted", text):
        stderr().print(Text(printable(text), style="dim"), soft_wrap=True)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    if not _log("warning", "command doubtful", text):
        stderr().print(Text.assemble(("warning: ", "bold yellow"), printable(text)), soft_wrap=True)


def fail(text: str) -> None:
    """Print an error on stderr. The caller decides the exit code."""
    if not _log("error", "command failed", text):
        stderr().print(Text.assemble(("error: ", "bold red"), printable(text)), soft_wrap=True)


def in_journal() -> bool:
    """Whether stderr goes to systemd's journal."""
    if "JOURNAL_STREAM" not in os.environ:
        return False
    from monitor import telemetry  # with structlog, which most commands can do without

    return telemetry.under_systemd()


def _log(level: str, event: str, text: str) -> bool:
    """Tell the journal an event; False where stderr does not go there."""
    if not in_journal():
        return False
    from monitor import telemetry

    telemetry.tell(level, event, problem=text)
    return True


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    clipped: str = "",
) -> None:
    """Print rows under headed columns; `right` names the columns that hold numbers. Cells may be rich Text.

    `clipped` names a column that is cut rather than folded, so that a row stays a line.
    """
    drawn = Table(title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", header_style="bold", overflow="fold")
    console = stdout()
    console.soft_wrap = False
    cells = [[cell if isinstance(cell, Text) else Text(printable(shown(cell))) for cell in row] for row in rows]
    if clipped:
        _clip(cells, columns, columns.index(clipped), console.width)
    for row in cells:
        drawn.add_row(*row)
    console.print(drawn)


def _clip(rows: Sequence[Sequence[Text]], columns: Sequence[str], at: int, width: int) -> None:
    """Cut the cells of one column to what the others leave of the width, but for a few words."""
    widest = [max([len(name), *(row[n].cell_len for row in rows)]) for n, name in enumerate(columns)]
    room = width - sum(widest[:at] + widest[at + 1 :]) - _GAP * (len(columns) - 1)
    for row in rows:
        row[at].truncate(max(room, _FEW_WORDS), overflow="ellipsis")


def shown(value: object) -> str:
    """A value as a cell: nothing for None, UTC minutes for times, words for enums."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        case timedelta():
            return duration(value)
        case _:
            return str(value)


def duration(value: timedelta) -> str:
    """A duration as people say it: 45s, 12m, 3h, 2d; negative ones with a minus."""
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{sign}{seconds // size}{unit}"
    return f"{sign}{seconds}s"


def emit_json(value: object) -> None:
    """Print a value as JSON: times ISO 8601 UTC, enums by value, dataclasses as objects. Characters stay as they are,
    but for control and bidi ones, which JSON's own \\u escapes make harmless."""
    sys.stdout.write(json_text(value))


def json_text(value: object) -> str:
    """What `emit_json` prints."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=2)
    return "".join(_escaped(c) for c in text) + "\n"


def _escaped(char: str) -> str:
    return char if char == "\n" or printable(char) == char else f"\\u{ord(char):04x}"


def plain(value: Any) -> Any:
    """A value made of what JSON knows."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return stamp(value)
        case timedelta():
            return value.total_seconds()
        case Path():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case str() | int() | float() | bool() | None:
            return value
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name.rstrip("_"): plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return str(value)


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Any]:
    """A progress bar on stderr for long work (nothing when stderr is no terminal); yields `advance(n=1)`."""
    if not sys.stderr.isatty():
        yield lambda _=1: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr(), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n=1: bar.advance(task, n)
