"""`history` and `export`: the ledger of every shift, with stages, dates and sources, so that a person can cite it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from monitor import clock
from monitor.cli import output
from monitor.cli.context import current
from monitor.errors import UsageError
from monitor.model import Direction
from monitor.web.ledger import as_atom, as_csv, by, ledger
from monitor.web.stories_page import canonical


class Format(StrEnum):
    """What `export` writes."""

    CSV = "csv"
    JSON = "json"
    ATOM = "atom"


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Since = Annotated[str, typer.Option("--since", metavar="DATE", help="Only what had news since then: 2026-01-31.")]


def history(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ORG|MODEL", help="Only shifts of this org or model.")] = "",
    since: Since = "",
    direction: Annotated[Direction | None, typer.Option(help="Only shifts in this direction.")] = None,
    json_: Json = False,
) -> None:
    """List every shift of an org or a model, or of all: stages, dates and sources, the oldest first."""
    context = current(ctx)
    wanted = canonical(context.configuration(), name) if name else ""
    with context.database().read() as conn:
        rows = ledger(conn, wanted, _date(since))
    rows = [row for row in rows if direction is None or row["direction"] is direction]
    if json_:
        output.emit_json(rows)
        return
    for row in rows:
        _print(row)
    if not rows:
        output.note(f"No shift of {name} is known." if name else "No shift is known yet.")


def export(
    ctx: typer.Context,
    format_: Annotated[Format, typer.Option("--format", help="csv, json, or atom (a feed).")] = Format.JSON,
    since: Since = "",
) -> None:
    """Write the whole ledger to standard output, as a table, as data, or as a feed."""
    with current(ctx).database().read() as conn:
        rows = ledger(conn, "", _date(since))
    if format_ is Format.JSON:
        output.emit_json(rows)
    elif format_ is Format.CSV:
        sys.stdout.write(as_csv(rows))
    else:
        sys.stdout.write(as_atom(rows, clock.now()) + "\n")


def _date(value: str) -> datetime | None:
    if not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise UsageError(f"--since {value}: a date is wanted, such as 2026-01-31.") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _print(row: Mapping[str, Any]) -> None:
    who = " · ".join(filter(None, (", ".join(row["orgs"]), ", ".join(row["models"])))) or "?"
    terms = f" · {row['from'] or '?'} → {row['to'] or '?'}" if row["from"] or row["to"] else ""
    denied = " · a denial was reported" if row["denied"] else ""
    output.say(
        f"{row['first_seen']:%Y-%m-%d}  {who} · {row['direction']} · {row['stage']} · {row['object']}{terms}{denied}"
    )
    output.say(f"            {row['title']}")
    for step in row["steps"]:
        output.say(f"            {step['at']:%Y-%m-%d}  {step['stage']} ({step['reason']}{by(step['outlet'])})")
    for source in row["sources"]:
        when = f", {source['published']:%Y-%m-%d}" if source["published"] else ""
        output.say(f"            {source['outlet'] or '?'}{when}: {source['url'] or source['title']}")
