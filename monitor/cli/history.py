"""`history` and `export`: the ledger of every shift, with stages, dates and sources, so that a person can cite it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any

import typer

from monitor import clock
from monitor.cli import output
from monitor.cli.context import current
from monitor.errors import UsageError
from monitor.model import ASIDES, Direction
from monitor.rules.rule_set import RuleSet
from monitor.text import fold
from monitor.web.ledger import as_atom, as_csv, by_storyline, in_words, ledger, since_in_words
from monitor.web.stories_page import canonical

_WHO = ("orgs", "models")
_INDENT = " " * 12


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
    """List every shift of an org or a model, or of all: stages, dates and sources, the oldest first.

    What belongs to one storyline stands together, as it is now, with every step that led there. `--json` has a record
    for each story.
    """
    context = current(ctx)
    wanted = canonical(context.looking(), name) if name else ""
    with context.database().read() as conn:
        rows = ledger(conn, wanted, _date(since))
    rows = [row for row in rows if direction is None or row["direction"] is direction]
    if json_:
        output.emit_json(rows)
        return
    for stories in by_storyline(rows):
        _print(stories)
    if rows and fold(wanted) != fold(name):
        output.note(f"{name} is kept under the name {wanted}.")
    if not rows:
        near = _near(name, context.looking().rules) if name and wanted == name else ""
        output.note(f"No shift of {name} is known.{near}" if name else "No shift is known yet.")


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


def _near(name: str, rules: RuleSet) -> str:
    """ " Did you mean …?" where a name that no vocabulary knows looks like a slip for one that it does."""
    known = {fold(one): one for one in (*rules.orgs().values(), *rules.models().values())}
    close = get_close_matches(fold(name), list(known), 1, cutoff=0.75)
    return f" Did you mean {known[close[0]]}?" if close and close[0] != fold(name) else ""


def _date(value: str) -> datetime | None:
    if not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise UsageError(f"--since {value}: a date is wanted, such as 2026-01-31.") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _print(stories: Sequence[Mapping[str, Any]]) -> None:
    """One storyline: the story it stands at as the state of things, all steps, and the sources of all its stories."""
    moves = [step["story"] for step in stories[-1]["steps"] if step["reason"] not in ASIDES]
    now = next((row for row in stories if moves and row["id"] == moves[-1]), stories[-1])
    rows = (now, *reversed(stories))
    orgs, models = (next((", ".join(row[kind]) for row in rows if row[kind]), "") for kind in _WHO)
    terms = f" · {now['from'] or '?'} → {now['to'] or '?'}" if now["from"] or now["to"] else ""
    denied = " · a denial was reported" if now["denied"] else ""
    who = " · ".join(filter(None, (orgs, models))) or "?"
    state = f"{who} · {now['direction']} · {now['stage']} · {now['object']}{terms}{denied}"
    began = min((step["at"] for step in now["steps"]), default=stories[0]["first_seen"])
    output.say(f"{began:%Y-%m-%d}  {state}")
    output.say(f"{_INDENT}{now['title']}")
    before = f", continues storyline {now['previous_storyline']}" if now["previous_storyline"] else ""
    output.say(f"{_INDENT}storyline {now['storyline']}{before}")
    for step in now["steps"]:
        output.say(f"{_INDENT}{step['at']:%Y-%m-%d}  {in_words(step)}")
    for one in now["since"]:
        output.say(f"{_INDENT}{one['at']:%Y-%m-%d}  {since_in_words(one)}")
    for source in (source for row in stories for source in row["sources"]):
        when = f", {source['published']:%Y-%m-%d}" if source["published"] else ""
        output.say(f"{_INDENT}{source['outlet'] or '?'}{when}: {source['url'] or source['title']}")
