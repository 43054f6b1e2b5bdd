"""What pressing a button or typing a command does, each in one transaction, and the words that person gets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from monitor import urls
from monitor.alerts import dispatch
from monitor.alerts.dispatch import Ids
from monitor.model import Delivery, Mute, Press, Role, Story, Storyline, Verb
from monitor.rules import explain
from monitor.rules.document import Subject
from monitor.settings import Configuration
from monitor.store import deliveries, feedback, mutes, stories, trace
from monitor.store.engine import Connection
from monitor.store.trace import Trace
from monitor.web import picture

RULE_MUTED = timedelta(hours=24)
STORY_MUTED = timedelta(days=30)
MISSES = 6  # so many rules that did not match are told of in Slack
HELP = (
    "/licensewatch status: whether it works, and what is late, parked or muted",
    "/licensewatch why URL: why the entry with that link was told, or was not",
)
NOT_OURS = "licensewatch keeps no track of this message (any more), so nothing was done."

log = structlog.get_logger("acting")
Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class House:
    """What acting needs: the receivers there are, and ids for new deliveries."""

    receivers: Collection[str]
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class _Scene:
    conn: Connection
    press: Press
    storyline: Storyline
    story: Story
    now: datetime


def pressed(conn: Connection, press: Press, house: House, now: datetime) -> Lines | None:
    """Do what the button says, once, and bring the storyline's messages up to date. None: it was heard of before."""
    if not feedback.first_report(conn, press.key, now):
        return None
    parent = deliveries.standing_at(conn, press.channel, press.ts)
    if parent is None and press.story_id is not None:  # Slack took the message, and we have not heard where it stands
        parent = deliveries.unsettled_parent(conn, press.story_id)
    storyline = _storyline(conn, parent, house)
    if storyline is None:
        return (NOT_OURS,)
    # A button shows the story that stood there when it was drawn; it may have moved on, or have been merged since.
    story = next((one for one in storyline.stories if one.id == press.story_id), storyline.current)
    scene = _Scene(conn, press, storyline, story, now)
    words, changed = _ACTS[press.verb](scene)
    if changed:
        threads = deliveries.threads(conn, storyline.id)
        known = {name: thread for name, thread in threads.items() if name in house.receivers}
        ids = Ids(story_id=story.id, storyline_id=storyline.id)
        deliveries.enqueue(conn, dispatch.refresh(ids, known, now, house.new_id))
    log.info("button pressed", verb=str(press.verb), by=press.person.id, storyline=storyline.id, changed=changed)
    return words


def _storyline(conn: Connection, parent: Delivery | None, house: House) -> Storyline | None:
    if parent is None or parent.role is not Role.PARENT or parent.receiver not in house.receivers:
        return None
    found = stories.storyline_of(conn, parent.storyline_id) if parent.storyline_id is not None else None
    return found if found is not None and found.stories else None


def _judge(scene: _Scene) -> tuple[Lines, bool]:
    verdict = scene.press.verb.value
    versions, changed = feedback.judge(scene.conn, scene.story.id, verdict, scene.press.person.id, scene.now)
    if not versions:
        return (f"Nothing was noted: what matched story {scene.story.id} is no longer stored.",), False
    rules = ", ".join(f"{rule_id} (version {version[:8]})" for rule_id, version in versions)
    again = "Noted" if changed else "Noted before"
    return (f"{again}: this alert is {verdict}. It counts for {rules}. The other button changes your mind.",), changed


def _mute(scene: _Scene) -> tuple[Lines, bool]:
    if scene.press.verb is Verb.MUTE_RULE:
        kind, values, length = "rule", list(scene.story.rule_ids), RULE_MUTED
    else:
        kind, values, length = "story", [_muted_by(scene)], STORY_MUTED
    end, by = scene.now + length, f"{scene.press.person}"
    in_force = {(one.kind, one.value): one for one in mutes.active(scene.conn, scene.now)}
    lines, changed = [], False
    for value in values:
        known = in_force.get((kind, value))
        if known is None:
            known = mutes.add(scene.conn, Mute(0, kind, value, end, by), scene.now)
            changed = True
        lines.append(f"{_named(kind)} {value} is muted until {known.until:%Y-%m-%d %H:%M} UTC (mute {known.id}).")
    lines.append("The button on the message lifts it, and so does “licensewatch mute remove”.")
    return tuple(lines), changed


def _muted_by(scene: _Scene) -> str:
    """Which story to mute: a mute of one holds for its storyline, so one that is muted already will do."""
    muted = {one.value for one in mutes.active(scene.conn, scene.now) if one.kind == "story"}
    ids = [str(one.id) for one in scene.storyline.stories]
    return next((one for one in ids if one in muted), str(scene.story.id))


def _unmute(scene: _Scene) -> tuple[Lines, bool]:
    if scene.press.verb is Verb.UNMUTE_RULE:
        kind, values = "rule", set(scene.story.rule_ids)
    else:
        kind, values = "story", {str(one.id) for one in scene.storyline.stories}
    lifted = [one for one in mutes.active(scene.conn, scene.now) if one.kind == kind and one.value in values]
    for one in lifted:
        mutes.remove(scene.conn, one.id)
        log.info("mute lifted", kind=kind, value=one.value, was_by=one.by, by=scene.press.person.id)
    if not lifted:
        return (f"No mute of this {kind} is in force any more.",), True
    return tuple(f"{_named(kind)} {one.value} tells again." for one in lifted), True


def _named(kind: str) -> str:
    return kind.capitalize()


_ACTS: dict[Verb, Callable[[_Scene], tuple[Lines, bool]]] = {
    Verb.RELEVANT: _judge,
    Verb.NOISE: _judge,
    Verb.MUTE_RULE: _mute,
    Verb.MUTE_STORY: _mute,
    Verb.UNMUTE_RULE: _unmute,
    Verb.UNMUTE_STORY: _unmute,
}


# --- commands ------------------------------------------------------------------------------------------------------


def asked(conn: Connection, words: Lines, configuration: Configuration, now: datetime) -> Lines:
    """The answer to `/licensewatch WORDS`; only reads."""
    match words:
        case ["status"]:
            return tuple(_status(conn, configuration, now))
        case ["why", url]:
            return tuple(_why(conn, url, configuration))
        case _:
            return HELP


def _status(conn: Connection, configuration: Configuration, now: datetime) -> Iterator[str]:
    taken = picture.take(conn, now)
    problems = picture.problems_of(taken)
    yield "All well." if not problems else f"{len(problems)} to see to:"
    for problem in problems:
        yield f"• {problem}"
    health = picture.health_of(taken, configuration)
    counts = ", ".join(f"{len(some)} {word}" for word, some in health.items() if some)
    yield f"Feeds: {counts or 'none'}"
    yield f"Memory: {taken.entries:,} entries, {taken.hits:,} hits, {taken.stories:,} stories"
    sent = ", ".join(f"{count:,} {state}" for state, count in taken.deliveries.items() if count)
    yield f"Deliveries: {sent or 'none yet'}"
    for mute in taken.mutes[:10]:
        by = f" by {mute.by}" if mute.by else ""
        yield f"Muted: {mute.kind} {mute.value} until {mute.until:%Y-%m-%d %H:%M} UTC{by}"


def _why(conn: Connection, url: str, configuration: Configuration) -> Iterator[str]:
    found = trace.by_url_hash(conn, urls.url_hash(url))
    if not found:
        yield f"No entry with the link {url} was ever read. “licensewatch why” says more on the machine itself."
    for one in found[:3]:
        yield from _traced(one, configuration)


def _traced(one: Trace, configuration: Configuration) -> Iterator[str]:
    stored = one.stored
    yield f"“{stored.entry.title}”, read {stored.first_seen_at:%Y-%m-%d %H:%M} UTC from {stored.entry.feed_id}"
    if stored.baseline:
        yield "• on the first poll of its feed: stored, never told"
    for hit in one.hits:
        yield f"• rule {hit.rule_id} matched: {hit.shift.direction}, {hit.shift.stage}, {hit.shift.object}"
    if not one.hits:
        yield "• no rule matched when it was read"
        yield from _misses(one, configuration)
    if one.story is not None:
        yield f"• story {one.story.id} of storyline {one.story.storyline_id}: {one.joined}"
    for decided in one.decided:
        word = "withheld" if decided.alert.suppressed else "told"
        yield f"• {word}: {decided.alert.reason}{f' ({decided.alert.note})' if decided.alert.note else ''}"
    for sent in one.delivered:
        yield f"• {sent.action} {sent.role} to {sent.receiver}: {sent.state}" + (
            f" ({sent.last_error})" if sent.last_error else ""
        )


def _misses(one: Trace, configuration: Configuration) -> Iterator[str]:
    feed = configuration.feed(one.stored.entry.feed_id)
    subject = Subject(one.stored.entry, feed.tags if feed else (), one.stored.entry.feed_id)
    rules = list(configuration.rules.rules)
    for rule_id in rules[:MISSES]:
        yield f"• rule {rule_id} does not match: {explain.why_not(configuration.rules, rule_id, subject)}"
    if len(rules) > MISSES:
        yield f"• nor do {len(rules) - MISSES} more: “licensewatch why” shows them on the machine itself"
