"""The ledger of shifts: every story with its stages, dates and sources, fit to be cited; as CSV or Atom too."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET  # writes only

from monitor.alerts import reading
from monitor.clock import stamp
from monitor.model import Step, Story
from monitor.store import stories as store
from monitor.store.engine import Connection
from monitor.text import printable

_ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HTTP = re.compile(r"\s*https?://\S", re.IGNORECASE)
_HOST = re.compile(r"https?://(?:\[[0-9a-f:.]+\])?", re.IGNORECASE)
# What a spreadsheet would run: at the start of a cell, and after `;`, which many countries' spreadsheets split at.
_RUNS = re.compile(r"(^|;)(\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NO_IRI = re.compile(r"""[\s"<>\\^`{|}\[\]\x00-\x1f]|%(?![0-9A-Fa-f]{2})""")
COLUMNS = (
    "id", "storyline", "first_seen", "last_seen", "orgs", "models", "direction", "stage", "object", "from", "to",
    "confidence", "denied", "severity", "title", "evidence", "steps", "outlets", "urls", "first_poll",
    "previous_storyline",
)  # fmt: skip


def ledger(conn: Connection, name: str, since: datetime | None) -> list[dict[str, Any]]:
    """Every shift with its steps and sources, the oldest first; those that first polls of feeds found are marked."""
    return _rows(conn, store.listing(conn, store.Wanted(baseline=None, name=name, since=since, limit=None)))


def latest(conn: Connection, limit: int) -> list[dict[str, Any]]:
    """The shifts with the latest news, the oldest of them first."""
    return _rows(conn, store.listing(conn, store.Wanted(baseline=None, limit=limit)))


def as_it_stands(conn: Connection, story: Story) -> Story:
    """A story without a denial that was overruled since."""
    return reading.undenied(story, store.steps(conn, story.storyline_id)) if story.shift.denied else story


def _rows(conn: Connection, stories: Sequence[Story]) -> list[dict[str, Any]]:
    since = {number: _since(conn, number) for number in store.related(conn) & {one.storyline_id for one in stories}}
    steps = {storyline: store.steps(conn, storyline) for storyline in {story.storyline_id for story in stories}}
    continued = store.continued(conn)
    ordered = sorted(stories, key=lambda story: (story.first_seen_at, story.id))
    return [
        {
            **_record(story, steps[story.storyline_id], continued.get(story.storyline_id)),
            "since": since.get(story.storyline_id, []),
        }
        for story in ordered
    ]


def _since(conn: Connection, storyline_id: int) -> list[dict[str, Any]]:
    """How things stand by other storylines that told of the same labs since, the latest first."""
    line = store.storyline_of(conn, storyline_id)
    return [since_record(one) for one in reading.elsewhere(line)[0]] if line is not None else []


def since_record(one: reading.Elsewhere) -> dict[str, Any]:
    """What another storyline tells since, as JSON prints it."""
    line = one.storyline
    shift, _ = reading.standing(line, reading.now(line))
    return {
        "orgs": one.labs,
        "storyline": line.id,
        "story": line.current.id,
        "at": line.steps[-1].at,
        "direction": shift.direction,
        "stage": shift.stage,
        "denied": shift.denied,
        "headline": reading.headline_now(line),
        "url": reading.link_now(line),
    }


def _record(story: Story, steps: Sequence[Step], previous_id: int | None) -> dict[str, Any]:
    shift = reading.undenied(story, steps).shift
    return {
        "id": story.id,
        "storyline": story.storyline_id,
        "previous_storyline": previous_id,
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


def outlets(story: Story) -> list[str]:
    """The outlets of a story, best source first, each once."""
    return list(dict.fromkeys(one.outlet or one.feed_id for one in story.coverage))


def step_record(step: Step) -> dict[str, Any]:
    """A step as JSON prints it."""
    return {
        "at": step.at,
        "seen": step.seen_at,
        "stage": step.stage,
        "direction": step.direction,
        "reason": step.reason,
        "headline": step.headline,
        "url": step.url,
        "outlet": step.outlet,
        "story": step.story_id,
    }


def by_storyline(rows: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The rows of each storyline together, oldest first; storylines by their oldest row."""
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["storyline"], []).append(row)
    return list(found.values())


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The ledger as a table: one row a shift with the steps that it took itself (`storyline` puts rows together), lists
    joined with `; `, cells that a spreadsheet would run made text."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for row in rows:
        flat = {
            **row,
            "steps": [
                f"{step['at']:%Y-%m-%d} {step['direction']} · {step['stage']} ({step['reason']})"
                for step in row["steps"]
                if step["story"] == row["id"]
            ],
            "urls": [source["url"] for source in row["sources"] if source["url"]],
        }
        table.writerow(_cell(flat[column]) for column in COLUMNS)
    return written.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        text = "; ".join(map(str, value))
    elif isinstance(value, datetime):
        text = stamp(value)
    elif value is None:
        text = ""
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    else:
        text = str(value.value if isinstance(value, Enum) else value)
    return _RUNS.sub(r"\1\2'", _clean(text))


def as_atom(rows: Sequence[Mapping[str, Any]], now: datetime, *, address: str = "") -> str:
    """The ledger as an Atom feed (RFC 4287), the latest news first. `address`: where this very feed is."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    latest = max(map(_updated, rows), default=now)
    _add(feed, "id", f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'licensewatch/ledger')}")
    _add(feed, "title", "AI model licensing shifts")
    _add(feed, "updated", stamp(latest))
    _add(feed, "generator", "licensewatch")
    if address:
        _add(feed, "link", "", rel="self", type="application/atom+xml", href=address)
    _add(_add(feed, "author", ""), "name", "licensewatch")
    for row in sorted(rows, key=_updated, reverse=True):
        _atom_entry(feed, row)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode")


def _atom_entry(feed: ET.Element, row: Mapping[str, Any]) -> None:
    entry = _add(feed, "entry", "")
    identity = f"licensewatch/story/{row['id']}/{stamp(row['first_seen'])}"
    _add(entry, "id", f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, identity)}")
    _add(entry, "title", row["title"] or "Untitled")
    _add(entry, "published", stamp(row["first_seen"]))
    _add(entry, "updated", stamp(_updated(row)))
    linked = [one for one in row["sources"] if _HTTP.match(one["url"])]
    linked.sort(key=lambda one: one["title"] != row["title"])  # what the entry is an alternate of has its headline
    for number, source in enumerate(linked):
        relation = "alternate" if number == 0 else "related"
        _add(entry, "link", "", rel=relation, href=_iri(source["url"]), title=source["outlet"] or source["title"])
    for term in (row["direction"], row["stage"], row["object"], *row["orgs"], *row["models"]):
        _add(entry, "category", "", term=str(term))
    _add(entry, "content", _in_words(row), type="text")


def _updated(row: Mapping[str, Any]) -> datetime:
    """When an entry last said something else: it tells the steps of the whole storyline, and what others tell since."""
    steps = (step["seen"] or step["at"] for step in row["steps"])
    moments: list[datetime] = [row["last_seen"], *steps, *(one["at"] for one in row.get("since", ()))]
    return max(moments)


def _iri(url: str) -> str:
    """An address as RFC 3987 has it: what feeds write into links, and no link may hold, is a percent escape."""
    host = _HOST.match(url.strip())
    start = host.end() if host else 0  # the brackets of an IPv6 address stay
    rest = _NO_IRI.sub(lambda found: quote(found[0]), url.strip()[start:])
    return url.strip()[:start] + "".join(one if printable(one) == one else quote(one, errors="replace") for one in rest)


def _in_words(row: Mapping[str, Any]) -> str:
    who = ", ".join((*row["orgs"], *row["models"]))
    terms = f"{row['from'] or '?'} → {row['to'] or '?'}" if row["from"] or row["to"] else ""
    lines = [f"{row['direction']} · {row['stage']} · {row['object']}", who, terms]
    lines += [f"“{row['evidence']}”"] if row["evidence"] else []
    lines += [f"continues storyline {row['previous_storyline']}"] if row.get("previous_storyline") else []
    lines += [f"{step['at']:%Y-%m-%d} {in_words(step)}" for step in row["steps"]]
    lines += [f"{one['at']:%Y-%m-%d} {since_in_words(one)}" for one in row.get("since", ())]
    lines += ["Sources: " + ", ".join(row["outlets"])] if row["outlets"] else []
    return "\n".join(filter(None, lines))


def _add(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, f"{{{_ATOM}}}{tag}", {name: _clean(value) for name, value in attributes.items()})
    child.text = _clean(text) or None
    return child


def _clean(text: str) -> str:
    """The text as XML can hold it, its control and bidi characters written out as on the page."""
    return _NOT_XML.sub("", printable(text))


def since_in_words(since: Mapping[str, Any]) -> str:
    """`Meta since: closing · announced: its headline (storyline 7)`: what another storyline tells."""
    denied = ", denied" if since["denied"] else ""
    who = f"{', '.join(since['orgs'])} since" if since["orgs"] else "since"
    state = f"{since['direction']} · {since['stage']}{denied}"
    return f"{who}: {state}: {since['headline']} (storyline {since['storyline']})"


def in_words(step: Mapping[str, Any]) -> str:
    """`closing · announced (stage moved, The Outlet)`: which way, how far, and why it counted."""
    by = f", {step['outlet']}" if step["outlet"] else ""
    return f"{step['direction']} · {step['stage']} ({step['reason']}{by})"
