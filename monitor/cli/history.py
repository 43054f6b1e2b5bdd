"""`history` and `export`: the ledger of every shift, with stages, dates and sources, so that a person can cite it."""

from __future__ import annotations

import csv
import io
import re
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from xml.etree import ElementTree as ET  # writes only

import typer

from monitor import clock
from monitor.cli import output
from monitor.cli.context import current
from monitor.cli.stories import outlets, step_record
from monitor.errors import UsageError
from monitor.model import Direction, Step, Story
from monitor.settings import Configuration
from monitor.store import stories as store
from monitor.store.engine import Connection
from monitor.text import fold

_ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
COLUMNS = (
    "id", "storyline", "first_seen", "last_seen", "orgs", "models", "direction", "stage", "object", "from", "to",
    "confidence", "denied", "severity", "title", "evidence", "steps", "outlets", "urls", "first_poll",
)  # fmt: skip


class Format(StrEnum):
    """What `export` writes."""

    CSV = "csv"
    JSON = "json"
    ATOM = "atom"


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Since = Annotated[str, typer.Option("--since", metavar="DATE", help="Only what had news since then: 2026-01-31.")]


def history(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[ORG|MODEL]", help="Only shifts of this org or model.")] = "",
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


def canonical(configuration: Configuration, name: str) -> str:
    """The name the vocabularies give to what a person typed; that itself when they know none."""
    folded = fold(name)
    rules = configuration.rules
    return rules.orgs().get(folded) or rules.models().get(folded) or name


def _date(value: str) -> datetime | None:
    if not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise UsageError(f"--since {value}: a date is wanted, such as 2026-01-31.") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def ledger(conn: Connection, name: str, since: datetime | None) -> list[dict[str, Any]]:
    """Every shift with its steps and sources, the oldest first; those that first polls of feeds found are marked."""
    stories = store.listing(conn, store.Wanted(baseline=None, name=name, since=since, limit=None))
    steps = {storyline: store.steps(conn, storyline) for storyline in {story.storyline_id for story in stories}}
    ordered = sorted(stories, key=lambda story: (story.first_seen_at, story.id))
    return [_record(story, steps[story.storyline_id]) for story in ordered]


def _record(story: Story, steps: Iterable[Step]) -> dict[str, Any]:
    shift = story.shift
    return {
        "id": story.id,
        "storyline": story.storyline_id,
        "title": story.title,
        "orgs": shift.orgs,
        "models": shift.models,
        "direction": shift.direction,
        "stage": shift.stage,
        "object": shift.object,
        "from": shift.from_,
        "to": shift.to,
        "evidence": shift.evidence,
        "confidence": shift.confidence,
        "denied": shift.denied,
        "severity": story.severity,
        "first_seen": story.first_seen_at,
        "last_seen": story.last_seen_at,
        "first_poll": story.baseline,
        "steps": [step_record(step) for step in steps],
        "outlets": outlets(story),
        "sources": [
            {
                "outlet": one.outlet,
                "title": one.title,
                "url": one.url,
                "published": one.published_at,
                "trust": one.trust,
            }
            for one in story.coverage
        ],
    }


def _print(row: Mapping[str, Any]) -> None:
    who = " · ".join(filter(None, (", ".join(row["orgs"]), ", ".join(row["models"])))) or "?"
    terms = f" · {row['from'] or '?'} → {row['to'] or '?'}" if row["from"] or row["to"] else ""
    denied = " · a denial was reported" if row["denied"] else ""
    output.say(
        f"{row['first_seen']:%Y-%m-%d}  {who} · {row['direction']} · {row['stage']} · {row['object']}{terms}{denied}"
    )
    output.say(f"            {row['title']}")
    for step in row["steps"]:
        output.say(f"            {step['at']:%Y-%m-%d}  {step['stage']} ({step['reason']}{_by(step['outlet'])})")
    for source in row["sources"]:
        when = f", {source['published']:%Y-%m-%d}" if source["published"] else ""
        output.say(f"            {source['outlet'] or '?'}{when}: {source['url'] or source['title']}")


def _by(outlet: str) -> str:
    return f", {outlet}" if outlet else ""


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The ledger as a table: one row a shift, lists joined with `; `, cells that a spreadsheet would run made text."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for row in rows:
        flat = {
            **row,
            "steps": [f"{step['at']:%Y-%m-%d} {step['stage']} ({step['reason']})" for step in row["steps"]],
            "urls": [source["url"] for source in row["sources"] if source["url"]],
        }
        table.writerow(_cell(flat[column]) for column in COLUMNS)
    return written.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        text = "; ".join(map(str, value))
    elif isinstance(value, datetime):
        text = str(output.plain(value))
    else:
        text = output.shown(value)
    text = _NOT_XML.sub("", text)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def as_atom(rows: Sequence[Mapping[str, Any]], now: datetime) -> str:
    """The ledger as an Atom feed (RFC 4287), the latest news first."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    latest = max((row["last_seen"] for row in rows), default=now)
    _add(feed, "id", f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'licensewatch/ledger')}")
    _add(feed, "title", "AI model licensing shifts")
    _add(feed, "updated", output.plain(latest))
    _add(feed, "generator", "licensewatch")
    _add(_add(feed, "author", ""), "name", "licensewatch")
    for row in sorted(rows, key=lambda one: one["last_seen"], reverse=True):
        _atom_entry(feed, row)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode")


def _atom_entry(feed: ET.Element, row: Mapping[str, Any]) -> None:
    entry = _add(feed, "entry", "")
    identity = f"licensewatch/story/{row['id']}/{output.plain(row['first_seen'])}"
    _add(entry, "id", f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, identity)}")
    _add(entry, "title", row["title"] or "Untitled")
    _add(entry, "published", output.plain(row["first_seen"]))
    _add(entry, "updated", output.plain(row["last_seen"]))
    for number, source in enumerate(one for one in row["sources"] if re.match(r"https?://\S+$", one["url"])):
        relation = "alternate" if number == 0 else "related"
        _add(entry, "link", "", rel=relation, href=source["url"], title=source["outlet"] or source["title"])
    for term in (row["direction"], row["stage"], row["object"], *row["orgs"], *row["models"]):
        _add(entry, "category", "", term=str(term))
    _add(entry, "content", _in_words(row), type="text")


def _in_words(row: Mapping[str, Any]) -> str:
    who = ", ".join((*row["orgs"], *row["models"]))
    terms = f"{row['from'] or '?'} → {row['to'] or '?'}" if row["from"] or row["to"] else ""
    lines = [f"{row['direction']} · {row['stage']} · {row['object']}", who, terms]
    lines += [f"“{row['evidence']}”"] if row["evidence"] else []
    lines += [f"{step['at']:%Y-%m-%d} {step['stage']}: {step['reason']}{_by(step['outlet'])}" for step in row["steps"]]
    lines += ["Sources: " + ", ".join(row["outlets"])] if row["outlets"] else []
    return "\n".join(filter(None, lines))


def _add(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    clean = {name: _NOT_XML.sub("", value) for name, value in attributes.items()}
    child = ET.SubElement(parent, f"{{{_ATOM}}}{tag}", clean)
    child.text = _NOT_XML.sub("", text) or None
    return child
