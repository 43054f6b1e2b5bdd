"""From hits to people: which story an entry tells, whether that is a move, and who hears of it.

Every hit ends in a recorded alert: told, or suppressed with its reason. All of it happens in the poll's transaction.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor import text
from monitor.alerts import decide, dispatch, reading
from monitor.alerts.decide import Event, Held
from monitor.model import (
    Alert,
    Candidate,
    Coverage,
    Entry,
    Hit,
    OpenStory,
    Reason,
    Shift,
    Step,
    Story,
    Storyline,
    last_move,
)
from monitor.poll.look import Look
from monitor.poll.world import World
from monitor.store import alerts, deliveries, due, mutes, stories
from monitor.store.alone import tell_alone
from monitor.store.engine import Connection
from monitor.stories import assign, late, outlets, record, statement, storyline
from monitor.stories.assign import Assignment
from monitor.stories.statement import Statement
from monitor.trial import Point

HELD = (
    "`licensewatch deliveries list --state held` shows them; `licensewatch deliveries release --all` sends them, "
    "`discard --all` drops them, ids instead of `--all` choose"
)
_SHOWN = 3  # headlines of a notice about held alerts


@dataclass(frozen=True, slots=True)
class Heard:
    """An entry that rules hit, new or revised. `baseline`, `too_old`: why it may not alert by itself. `stated`: no rule
    hit it, but a lab says this in it; it belongs to an open story, or is passed over."""

    entry_id: int
    entry: Entry
    hits: tuple[Hit, ...]
    baseline: bool = False
    too_old: str = ""
    stated: Statement | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What was decided about one hit entry, and to how many receivers it goes."""

    entry: Entry
    story: Story
    alert: Alert
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class _Placed:
    """An entry in its story: what the story is after it, and the event that this was."""

    heard: Heard
    event: Event
    at: datetime
    shift: Shift  # as its entry tells it


@dataclass(frozen=True, slots=True)
class _Newcomer:
    """An entry on its way into a story."""

    heard: Heard
    candidate: Candidate
    coverage: Coverage
    look: Look

    @property
    def first_poll(self) -> bool:
        return self.look.before.baselined_at is None


def tell(conn: Connection, heard: Sequence[Heard], look: Look, world: World, *, reissued: str) -> tuple[Told, ...]:
    """Place every hit entry in a story, decide about each, and queue what is to be sent.

    More alerts than one poll may bring, or a feed that was issued anew, are held behind one notice.
    """
    if not heard:
        return ()
    tell_alone(conn)
    world.index(conn, look.at)  # others may have told since: know it before anything is placed
    in_force = mutes.active(conn, look.at)
    placed = list(filter(None, (_place(conn, one, look, world) for one in heard)))
    world.reached(Point.COMMIT_PLACED)
    if any(mute.kind == "story" for mute in in_force):
        placed = [_among_siblings(conn, one) for one in placed]
    decided = [decide.decide(one.event, in_force, look.at) for one in placed]
    held = decide.hold(decided, world.policy.alerts, look.feed.id, reissued=reissued)
    told = [_record(conn, one, alert, held, world) for one, alert in zip(placed, decided, strict=True)]
    world.told(conn)
    if held:
        waits = [one.heard.entry.title for one, alert in zip(placed, decided, strict=True) if alert in held.originals]
        said = f"{held.notice.line} {_named(waits)}"
        facts = {"title": f"Alerts held: {look.feed.title or look.feed.id}", "text": said, "remedy": HELD}
        ops = dispatch.Recipients(world.policy.ops.receivers, world.policy.receivers, policy=world.policy.alerts)
        deliveries.enqueue(conn, dispatch.held_notice(held.notice, facts, ops, look.at, world.new_id))
    return tuple(told)


def _named(headlines: Sequence[str]) -> str:
    """The first headlines that wait: whoever decides about them sees what they are."""
    shown = "; ".join(f"“{textwrap.shorten(one, 100, placeholder='…') or 'untitled'}”" for one in headlines[:_SHOWN])
    more = f"; and {len(headlines) - _SHOWN} more" if len(headlines) > _SHOWN else ""
    return f"They are: {shown}{more}." if len(headlines) > 1 else f"It is: {shown}."


def _newcomer(heard: Heard, look: Look) -> _Newcomer:
    outlet, title = outlets.outlet(heard.entry, look.feed.title), heard.entry.title
    candidate = Candidate(
        entry=heard.entry,
        shift=outlets.unsigned(storyline.entry_shift(heard.hits), title, outlet),
        seen_at=look.at,
        entry_id=heard.entry_id,
        trust=look.feed.trust,
        severity=decide.worst(hit.severity for hit in heard.hits),
        rule_ids=tuple(hit.rule_id for hit in heard.hits),
    )
    coverage = Coverage(
        entry_id=heard.entry_id,
        feed_id=look.feed.id,
        outlet=outlet,
        title=text.unsigned(title, outlet),
        url=heard.entry.url,
        trust=look.feed.trust,
        seen_at=look.at,
        published_at=heard.entry.published_at,
        read=heard.stated is None,
    )
    return _Newcomer(heard, candidate, coverage, look)


def _place(conn: Connection, heard: Heard, look: Look, world: World) -> _Placed | None:
    new = _newcomer(heard, look)
    if heard.stated is not None:
        return _stated(conn, new, heard.stated, world)
    member_of = stories.of_entry(conn, heard.entry_id)
    if member_of is not None:
        return _event(new, *_edited(conn, member_of, new))
    index = world.index(conn, look.at)
    assignment = assign.assign(new.candidate, index, look.at)
    if assignment.story_id is not None:
        reason, story, line = _grow(conn, assignment.story_id, new, assignment.why)
        index.join(story.id, new.candidate, assignment.due_at)
        stories.note(conn, story.storyline_id, due_at=assignment.due_at)
        return _event(new, reason, story, line)
    reason, story, line = _open(conn, new, assignment)
    index.add(OpenStory(story.id, story.storyline_id, (new.candidate,), assignment.due_at))
    return _event(new, reason, story, line)


def _among_siblings(conn: Connection, one: _Placed) -> _Placed:
    siblings = stories.ids_of(conn, one.event.story.storyline_id)
    return replace(one, event=replace(one.event, siblings=siblings))


def _stated(conn: Connection, new: _Newcomer, stated: Statement, world: World) -> _Placed | None:
    """What a lab says in words that no rule reads, in the open story that it surely speaks of; else nothing."""
    rules = world.policy.rules
    lab = rules.canonical("org", new.look.feed.title or new.look.feed.id)
    models = rules.named("model", Entry("", (), stated.entry.title, stated.said))
    candidate = statement.candidate(stated, lab, models, new.candidate)
    found = statement.belongs(candidate, world.index(conn, new.look.at))
    if found is None or found.story_id is None or not _was_told(conn, found.story_id):
        return None  # it is no news by itself
    new = replace(new, candidate=candidate)
    return _event(new, *_grow(conn, found.story_id, new, found.why))


def _event(new: _Newcomer, reason: Reason, story: Story, line: str) -> _Placed:
    feed, heard = new.look.feed, new.heard
    event = Event(
        reason=reason,
        story=story,
        line=line,
        tags=tuple(dict.fromkeys(tag for hit in heard.hits for tag in hit.tags)),
        feed_id=feed.id,
        feed_tags=feed.tags,
        trust=feed.trust,
        baseline=heard.baseline,
        too_old=heard.too_old,
    )
    return _Placed(heard, event, new.look.at, new.candidate.shift)


def _open(conn: Connection, new: _Newcomer, assignment: Assignment) -> tuple[Reason, Story, str]:
    """A story of its own: in a storyline that is awake, or in a new one that may link back to one asleep."""
    now, shift, at, baseline = new.look.at, new.candidate.shift, new.candidate.at, new.heard.baseline
    storyline_id = assignment.storyline_id
    before = stories.storyline_of(conn, storyline_id) if storyline_id is not None else None
    shift = _completed(shift, before)
    previous_id = before.previous_id if before is not None else assignment.previous_id
    said = record.context(shift, stories.records(conn, shift.orgs, without=(storyline_id, previous_id)))
    weighed = decide.severity_now(new.candidate.severity, shift.stage, said)
    context = "; ".join(weighed.why)
    if storyline_id is None:
        start = stories.NewStoryline(now, assignment.previous_id, assignment.due_at, context, baseline)
        storyline_id = stories.create_storyline(conn, start)
    else:
        stories.note(conn, storyline_id, due_at=assignment.due_at)
    opened = storyline.opened(new.candidate, new.coverage, baseline=baseline)
    story = stories.create_story(conn, storyline_id, replace(opened, severity=weighed.severity, shift=shift))
    _complete_others(conn, story, before)
    stories.join(conn, story.id, new.candidate, new.coverage.outlet, assignment.why)
    steps = before.steps if before is not None else ()
    reason, line = Reason.NEW_STORY, ""
    if before is not None and any(_was_told(conn, one.id) for one in before.stories):
        last = before.current.shift
        moved = storyline.shift_moved(last, shift)
        delayed = moved is None and storyline.delays(new.candidate)
        reason = Reason.DELAYED if delayed else Reason.NEW_STORY_IN_STORYLINE
        if late.overtaken(reason, shift, at, steps):
            _step(conn, story, new, Step(at, shift.stage, shift.direction, reason))
            return Reason.REPEAT, story, late.LINE
        line = storyline.move_line(moved or reason, last, shift, new.coverage.outlet)
    _step(conn, story, new, Step(late.dated(reason, shift, at, steps), shift.stage, shift.direction, reason))
    _shown(conn, story, context)
    return reason, story, line


def _shown(conn: Connection, story: Story, context: str) -> None:
    """What moved the severity is kept of the story that its storyline stands at."""
    shown = last_move(stories.steps(conn, story.storyline_id))
    if shown is not None and shown.story_id == story.id:
        stories.note(conn, story.storyline_id, context=context)


def _grow(
    conn: Connection, story_id: int, new: _Newcomer, why: str, *, edited: bool = False
) -> tuple[Reason, Story, str]:
    """One more entry of a known story, or an edit of one of its entries.

    What the storyline told before is no move when a publisher's edit says it again, or a late report of an older story.
    """
    line = stories.line_with(conn, story_id)
    before, steps = next(one for one in line.stories if one.id == story_id), line.steps
    at = new.look.at if edited else new.candidate.at
    denied_late = new.candidate.shift.denied and late.overtaken(Reason.DENIED, new.candidate.shift, at, steps)
    if denied_late:
        new = _undenied(new)
    stories.join(conn, story_id, new.candidate, new.coverage.outlet, why)
    others = tuple(one for one in before.coverage if one.entry_id != new.candidate.entry_id)
    members = stories.members(conn, story_id)
    after = storyline.grown(before, members, (*others, new.coverage), baseline=new.heard.baseline)
    after = replace(after, shift=_completed(after.shift, line, but=story_id))
    said = record.context(after.shift, stories.records(conn, after.shift.orgs, without=(line.id, line.previous_id)))
    weighed = decide.severity_now(after.severity, after.shift.stage, said)
    after = replace(after, severity=weighed.severity)
    stories.update_story(conn, after)
    _complete_others(conn, after, line)
    newest_last = (*(one for one in members if one.entry_id != new.candidate.entry_id), new.candidate)
    reason = storyline.moved(before, after, newest_last)
    stated = new.heard.stated
    if stated is not None and statement.tells(stated, before):
        reason = Reason.PRIMARY_SOURCE
    elif reason is not None and (edited or not stories.is_latest(conn, after)):
        told = {_news(step.stage, step.direction, step.reason) for step in steps}
        reason = None if _news(after.shift.stage, after.shift.direction, reason) in told else reason
    overtaken = denied_late if reason is None else late.overtaken(reason, new.candidate.shift, at, steps)
    if overtaken:
        in_place = late.step(reason or Reason.DENIED, new.candidate.shift, at, steps)
        if in_place is not None:
            _step(conn, after, new, in_place)
        reason = None
    elif reason is not None:
        told_at = late.dated(reason, after.shift, at, steps)
        _step(conn, after, new, Step(told_at, after.shift.stage, after.shift.direction, reason))
    _shown(conn, after, "; ".join(weighed.why))
    if not _was_told(conn, story_id):
        return Reason.NEW_STORY, after, ""  # its first entries were baseline, muted or too old: nobody knows it yet
    if reason is None:
        return Reason.REPEAT, after, late.LINE if overtaken else ""
    if stated is not None:
        return reason, after, statement.line(new.coverage.outlet)
    return reason, after, storyline.move_line(reason, before.shift, after.shift, new.coverage.outlet)


def _completed(shift: Shift, line: Storyline | None, but: int = 0) -> Shift:
    """A shift with what the other stories of its storyline say and it does not."""
    others = [one.shift for one in reading.newest_first(line) if one.id != but] if line is not None else ()
    return storyline.completed(shift, others)


def _complete_others(conn: Connection, story: Story, line: Storyline | None) -> None:
    """And the stories that said less before, with what this one says."""
    for one in line.stories if line is not None else ():
        shift = storyline.completed(one.shift, (story.shift,))
        if one.id != story.id and shift != one.shift:
            stories.update_story(conn, replace(one, shift=shift))


def _undenied(new: _Newcomer) -> _Newcomer:
    """An entry whose denial was overtaken before it came: it denies nothing of what stands now."""
    return replace(new, candidate=replace(new.candidate, shift=replace(new.candidate.shift, denied=False)))


def _edited(conn: Connection, story_id: int, new: _Newcomer) -> tuple[Reason, Story, str]:
    """A publisher changed an entry of a story. A step that its storyline took before is no news, however often."""
    reason, story, line = _grow(conn, story_id, new, "", edited=True)
    return (Reason.EDITED if reason is Reason.REPEAT else reason), story, line


def _news(stage: str, direction: str, reason: str) -> tuple[str, ...]:
    """What makes two steps the same piece of news."""
    notes = {Reason.DENIED, Reason.DELAYED, Reason.PRIMARY_SOURCE}
    return (reason,) if reason in notes else (stage, direction)


def _was_told(conn: Connection, story_id: int) -> bool:
    """Whether people know a story: it was told, or repeats what they were told of its storyline."""
    decided = [one.alert for one in alerts.of_story(conn, story_id)]
    return any(not alert.suppressed or alert.reason is Reason.REPEAT for alert in decided)


def _step(conn: Connection, story: Story, new: _Newcomer, taken: Step) -> None:
    coverage = new.coverage
    told = replace(taken, headline=coverage.title, url=coverage.url, outlet=coverage.outlet)
    stories.add_step(conn, story, told, coverage.entry_id)


def _record(conn: Connection, placed: _Placed, alert: Alert, held: Held | None, world: World) -> Told:
    """Write the decision down and queue what it sends. An alert that no route takes is a suppression too."""
    policy, story, now = world.policy, placed.event.story, placed.at
    facts = decide.facts_of(placed.event)
    routed, why = ((), ()) if alert.suppressed else decide.routes_for(facts, policy.routes)
    threads = deliveries.threads(conn, story.storyline_id)
    if not alert.suppressed and not routed and not threads:
        note = "; ".join(why) or "no routes are configured"
        alert = replace(alert, reason=Reason.NO_ROUTE, suppressed=True, note=note)
    waits = held is not None and alert in held.originals
    recorded = held.recorded[held.originals.index(alert)] if held is not None and waits else alert
    alert_id = alerts.add(conn, recorded, story.id, placed.heard.entry_id, now)
    shift = placed.shift
    said = {"entry_id": placed.heard.entry_id, "evidence": shift.evidence, "marks": shift.marks}
    ids = dispatch.Ids(alert_id, story.id, story.storyline_id, said)
    recipients = dispatch.Recipients(routed, policy.receivers, threads, policy.alerts, waits)
    due.hurry(conn, dispatch.hurried(alert, recipients, now))
    queued = deliveries.enqueue(conn, dispatch.dispatch(alert, ids, recipients, now, world.new_id))
    world.reached(Point.COMMIT_QUEUED)
    return Told(placed.heard.entry, story, recorded, len(queued))
