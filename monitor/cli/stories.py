"""`licensewatch stories`: what was told, how it came together, and how well stories are put together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.alerts.reading import elsewhere
from monitor.cli import evaluation, output
from monitor.cli.context import current
from monitor.cli.numbers import LARGEST
from monitor.counts import counted
from monitor.errors import UsageError
from monitor.model import Shift, Story
from monitor.store import alerts as alert_store
from monitor.store import stories as store
from monitor.store.engine import Connection
from monitor.web.ledger import as_it_stands, outlets, since_in_words, since_record, step_record

app = typer.Typer(help="Stories: what was told, and from which entries.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="What the first polls of feeds would have told.")
    ] = False,
    name: Annotated[
        str, typer.Option("--name", metavar="ORG|MODEL", help="Only stories about an org or a model.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=LARGEST, help="How many, the latest first.")] = 100,
    json_: Json = False,
) -> None:
    """List stories, the latest news first."""
    database = current(ctx).database()
    with database.read() as conn:
        listed = store.listing(conn, store.Wanted(baseline=baseline, name=name, limit=limit))
        found = [as_it_stands(conn, story) for story in listed]
    if json_:
        output.emit_json([story_record(story) for story in found])
        return
    columns = ("id", "line", "last seen", "severity", "shift", "who", "outlets", "title")
    heading = "Stories" if not baseline else "Stories of first polls, not told"
    output.table(heading, columns, map(_row, found), clipped="title")
    if not found:
        output.note("None." if baseline else "None yet. What the first polls of feeds found is under --baseline.")


def _row(story: Story) -> tuple[object, ...]:
    return (
        story.id,
        story.storyline_id,
        story.last_seen_at,
        story.severity,
        shift_line(story.shift),
        " ".join((", ".join(story.shift.orgs), ", ".join(story.shift.models))).strip(),
        len(outlets(story)),
        story.title,
    )


@app.command()
def show(
    ctx: typer.Context,
    story_id: Annotated[int, typer.Argument(metavar="ID", max=LARGEST, help="Its number in `stories list`.")],
    json_: Json = False,
) -> None:
    """Show one story: its entries and why each joined, the steps of its storyline, and what was decided."""
    database = current(ctx).database()
    with database.read() as conn:
        story = store.get(conn, story_id)
        if story is None:
            raise UsageError(f"There is no story {story_id}. `licensewatch stories list` shows those there are.")
        story = as_it_stands(conn, story)
        record = _in_full(conn, story)
    if json_:
        output.emit_json(record)
    else:
        _print(story, record)


def _in_full(conn: Connection, story: Story) -> dict[str, Any]:
    line = store.storyline_of(conn, story.storyline_id)
    entries = [
        {
            **entry,
            "trust": one.trust,
            "outlet": one.outlet,
            "seen_at": one.seen_at,
            "why": store.why_joined(conn, one.entry_id),
        }
        for entry, one in zip(story_record(story)["entries"], story.coverage, strict=True)
    ]
    return {
        **story_record(story),
        "rules": story.rule_ids,
        "baseline": story.baseline,
        "previous_storyline": line.previous_id if line else None,
        # What moved the severity is kept for the story that a storyline stands at; of another it would be untrue.
        "context": line.context if line and line.current.id == story.id else "",
        "stories_of_storyline": [one.id for one in line.stories] if line else [],
        "entries": entries,
        "steps": [step_record(step) for step in line.steps] if line else [],
        "since": [since_record(one) for one in elsewhere(line)[0]] if line else [],
        "alerts": [
            {
                "at": one.created_at,
                "reason": one.alert.reason,
                "suppressed": one.alert.suppressed,
                "line": one.alert.line,
                "note": one.alert.note,
            }
            for one in alert_store.of_story(conn, story.id)
        ],
    }


def _print(story: Story, record: Mapping[str, Any]) -> None:
    shift = story.shift
    output.say(story.title)
    output.say(f"story {story.id} of storyline {story.storyline_id} · {story.severity} · {shift_line(shift)}")
    for label, value in (
        ("who", ", ".join(shift.orgs)),
        ("model", ", ".join(shift.models)),
        ("terms", f"{shift.from_ or '?'} → {shift.to or '?'}" if shift.from_ or shift.to else ""),
        ("evidence", f"“{shift.evidence}”" if shift.evidence else ""),
        ("confidence", f"{shift.confidence}: {', '.join(shift.reasons)}" if shift.reasons else str(shift.confidence)),
        ("context", record["context"]),
        ("rules", ", ".join(story.rule_ids)),
    ):
        if value:
            output.say(f"  {label:<11}{value}")
    rows = [(one["outlet"], one["trust"], one["seen_at"], one["title"], one["why"]) for one in record["entries"]]
    output.table("\nEntries", ("outlet", "trust", "seen", "title", "joined because"), rows)
    steps = [(one["at"], one["stage"], one["direction"], one["reason"], one["outlet"]) for one in record["steps"]]
    output.table("\nSteps of the storyline", ("at", "stage", "direction", "why", "outlet"), steps)
    for one in record["since"]:
        output.say(f"  {one['at']:%Y-%m-%d} {since_in_words(one)}")
    decided = [(one["at"], one["reason"], one["suppressed"], one["line"] or one["note"]) for one in record["alerts"]]
    output.table("\nDecisions", ("at", "reason", "suppressed", "line"), decided)


@app.command("eval")
def eval_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Labelled items, one JSON object a line.")],
    json_: Json = False,
) -> None:
    """Measure how stories are put together: B-cubed over the labelled shifts of a file, in date order.

    Facts that a line gives (direction, stage, orgs, models) are taken from it, what it leaves out is read by the rules;
    the figures of the rules' own reading stand beside them.
    """
    items = evaluation.read(file)
    if not items:
        raise UsageError(f'{file} holds no line with label "shift" and a story_id.')
    configuration = current(ctx).configuration()
    result = evaluation.measure(items, configuration.rules, configuration.settings.alerts.repeat_after)
    if json_:
        output.emit_json(result.record())
        return
    output.say(f"{counted(len(items), 'entry that tells', 'entries that tell')} {counted(result.events, 'event')}")
    for facts, score in (("facts as labelled", result.score), ("facts as the rules read them", result.own)):
        output.say(f"{facts}: B-cubed precision {score.precision:.3f}, recall {score.recall:.3f}, F1 {score.f1:.3f}")
    for pair in result.score.merged_wrongly:
        output.say("merged wrongly: " + " + ".join(f"{items[i].id} “{items[i].candidate.entry.title}”" for i in pair))


def shift_line(shift: Shift) -> str:
    """`closing · considering · weights`, with a note when a denial was reported."""
    return f"{shift.direction} · {shift.stage} · {shift.object}" + (" · denied" if shift.denied else "")


def story_record(story: Story) -> dict[str, Any]:
    """A story as `stories list --json` prints it."""
    return {
        "id": story.id,
        "storyline": story.storyline_id,
        "title": story.title,
        "severity": story.severity,
        "shift": output.plain(story.shift),
        "outlets": len(outlets(story)),
        "first_seen": story.first_seen_at,
        "last_seen": story.last_seen_at,
        "entries": [
            {"feed": one.feed_id, "title": one.title, "url": one.url, "published": one.published_at}
            for one in story.coverage
        ],
    }
