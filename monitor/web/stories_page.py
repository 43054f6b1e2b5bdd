"""The stories: what happened, who says so, at which stage it is; and one story with everything known of it."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.alerts.reading import elsewhere
from monitor.model import Entry, Stage, Story
from monitor.settings import Configuration
from monitor.store import alerts, deliveries, receivers, stories
from monitor.text import fold
from monitor.web.asked import Asked, NotThere, Shown
from monitor.web.charts import ORDER
from monitor.web.deliveries_page import fault, mend
from monitor.web.ledger import as_it_stands, outlets, since_record

PAGE = 25
MOST_ROWS = 2**62  # no database numbers further
PATH = (Stage.RUMOUR, Stage.CONSIDERING, Stage.ANNOUNCED, Stage.EFFECTIVE)  # the way a shift usually goes


@dataclass(frozen=True, slots=True)
class Reach:
    """A stage of the usual way: passed, now, or ahead."""

    stage: Stage
    state: str


def page(asked: Asked) -> Shown:
    """The latest stories; by direction, by the name of an org or model, or those of first polls."""
    direction = next((one for one in ORDER if one == asked.word("direction")), None)
    name, first = asked.word("name"), asked.query.get("first") == "1"
    number = asked.number("page", 1, 1000)
    wanted = stories.Wanted(
        baseline=first,
        name=canonical(asked.configuration, name) if name else "",
        direction=direction,
        limit=PAGE + 1,
        offset=(number - 1) * PAGE,
    )
    found = stories.listing(asked.conn, wanted)
    values = {
        "stories": [as_it_stands(asked.conn, story) for story in found[:PAGE]],
        "more": len(found) > PAGE,
        "number": number,
        "direction": direction or "",
        "directions": ORDER,
        "name": name,
        "first": first,
        "outlets": outlets,
    }
    return Shown("stories.html", values)


def canonical(configuration: Configuration, name: str) -> str:
    """The name the vocabularies give to what a person typed, or to the model in it ("Mistral Large 4"); that itself
    when they know none."""
    folded, rules = fold(name), configuration.rules
    known = rules.orgs().get(folded) or rules.models().get(folded)
    if known is None:
        lines = rules.named("model", Entry("", (), name))
        known = lines[0] if len(lines) == 1 else name
    return known


def one(asked: Asked) -> Shown:
    """One story: its record, the steps of its storyline, its coverage, what was decided, what was sent."""
    wanted = asked.path["story_id"]
    story = stories.get(asked.conn, wanted) if wanted < MOST_ROWS else None
    if story is None:
        raise NotThere(f"There is no story {str(wanted)[:20]}. It may be older than retention keeps stories.")
    story = as_it_stands(asked.conn, story)
    line = stories.storyline_of(asked.conn, story.storyline_id)
    messages = deliveries.of_storyline(asked.conn, story.storyline_id)
    states = receivers.states(asked.conn)
    values = {
        "story": story,
        "line": line,
        "since": [since_record(one) for one in elsewhere(line)[0]] if line else [],
        "siblings": [other for other in line.stories if other.id != story.id] if line else [],
        "reached": reached(story),
        "why": {one.entry_id: stories.why_joined(asked.conn, one.entry_id) for one in story.coverage[:200]},
        "decided": alerts.of_story(asked.conn, story.id),
        "messages": messages,
        "faults": {one.id: fault(one, states)[0] for one in messages},
        "mend": mend,
        "outlets": outlets,
        "configured": asked.configuration.rules.rules,
    }
    return Shown("story.html", values)


def reached(story: Story) -> tuple[Reach, ...]:
    """How far the usual way a story has come; nothing where it left that way (reversed, enforcement, n/a)."""
    now = story.shift.stage
    if now not in PATH:
        return ()
    at = PATH.index(now)
    return tuple(
        Reach(stage, "now" if position == at else "passed" if position < at else "ahead")
        for position, stage in enumerate(PATH)
    )
