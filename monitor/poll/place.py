"""From a hit entry to its story: the one it joins, or the one it opens, and the event that this was."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor import text
from monitor.alerts import decide, reading
from monitor.alerts.decide import Event
from monitor.model import Alert, Candidate, Coverage, Entry, Hit, OpenStory, Reason, Shift, Story, Storyline, last_move
from monitor.poll.look import Look
from monitor.poll.world import World
from monitor.store import alerts, stories
from monitor.store.engine import Connection
from monitor.stories import assign, news, outlets, record, statement, storyline
from monitor.stories.assign import Assignment
from monitor.stories.news import News, Said
from monitor.stories.statement import Statement
from monitor.stories.weigh import entry_shift


@dataclass(frozen=True, slots=True)
class Heard:
    """An entry that rules hit, new or revised. `baseline`, `too_old`: why it may not alert by itself. `stated`: no rule
    hit it, but a lab says this in it; it belongs to an open story, or is passed over. Neither: it is in a story, and no
    rule hits it any more."""

    entry_id: int
    entry: Entry
    hits: tuple[Hit, ...]
    baseline: bool = False
    too_old: str = ""
    stated: Statement | None = None


@dataclass(frozen=True, slots=True)
class Placed:
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
    told: Collection[int] = ()

    def said(self, was: Candidate | None = None) -> Said:
        return Said(self.candidate, self.coverage.outlet, was, self.heard.stated)


def _newcomer(heard: Heard, look: Look) -> _Newcomer:
    outlet, title = outlets.outlet(heard.entry, look.feed.title), heard.entry.title
    shift = outlets.unsigned(entry_shift(heard.hits), title, outlet)
    candidate = Candidate(
        entry=heard.entry,
        shift=replace(shift, denied=shift.denied or outlets.corrects(title)),
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


def place(conn: Connection, heard: Heard, look: Look, world: World, told: Collection[int] = ()) -> Placed | None:
    """Put an entry into its story; None where no rule reads it and it surely belongs to none.

    `told`: stories that people hear of by this poll, though it is not written down yet.
    """
    new = replace(_newcomer(heard, look), told=told)
    member_of = stories.of_entry(conn, heard.entry_id)
    if member_of is not None:
        return _edited(conn, member_of, new, world)
    if heard.stated is not None:
        return _stated(conn, new, heard.stated, world)
    index = world.index(conn, look.at)
    assignment = assign.assign(new.candidate, index, look.at)
    denial = _denial(conn, new.candidate, assignment)
    if denial is not None:
        new = replace(new, candidate=denial)
        assignment = assign.assign(denial, index, look.at)
    if assignment.story_id is not None:
        new = replace(new, candidate=assignment.taken(new.candidate))
        reason, story, line = _grow(conn, assignment.story_id, new, assignment.why)
        index.join(story.id, new.candidate, assignment.due_at)
        stories.note(conn, story.storyline_id, due_at=assignment.due_at)
        return _event(new, reason, story, line)
    reason, story, line = _open(conn, new, assignment)
    index.add(OpenStory(story.id, story.storyline_id, (new.candidate,), assignment.due_at))
    return _event(new, reason, story, line)


def _denial(conn: Connection, candidate: Candidate, assignment: Assignment) -> Candidate | None:
    """What says that nothing is planned, as a denial, where it belongs to talk that it answers."""
    if assignment.storyline_id is None or not news.answers(candidate):
        return None
    line = stories.storyline_of(conn, assignment.storyline_id)
    return news.denies(candidate, line) if line is not None else None


def _stated(conn: Connection, new: _Newcomer, stated: Statement, world: World) -> Placed | None:
    """What a lab says in words that no rule reads, in the open story that it surely speaks of; else nothing."""
    rules = world.policy.rules
    lab = rules.canonical("org", new.look.feed.title or new.look.feed.id)
    models = rules.named("model", Entry("", (), stated.entry.title, stated.said))
    candidate = statement.candidate(stated, lab, models, new.candidate)
    found = statement.belongs(candidate, world.index(conn, new.look.at))
    if found is None or found.story_id is None or not _was_told(conn, found.story_id, new):
        return None  # it is no news by itself
    new = replace(new, candidate=candidate)
    return _event(new, *_grow(conn, found.story_id, new, found.why))


def _edited(conn: Connection, story_id: int, new: _Newcomer, world: World) -> Placed:
    """A publisher changed an entry of a story. A step that its storyline took before is no news, however often; nor is
    an edit too old, whatever the date of what it edits."""
    was = next(one for one in stories.members(conn, story_id) if one.entry_id == new.candidate.entry_id)
    new = _as_edited(new, was)
    reason, story, line = _grow(conn, story_id, new, "", was)
    index = world.index(conn, new.look.at)
    if story_id in index:
        index.add(OpenStory(story.id, story.storyline_id, stories.members(conn, story_id)))
    placed = _event(new, Reason.EDITED if reason is Reason.REPEAT else reason, story, line)
    return replace(placed, event=replace(placed.event, too_old=""))


def _as_edited(new: _Newcomer, was: Candidate) -> _Newcomer:
    """An entry as it reads now. Where no rule hits it any more it goes on saying what it said, under the headline it
    has now; where the lab itself speaks in words that none reads, it says those."""
    stated, heard = new.heard.stated, new.heard
    if heard.hits:
        return new
    if stated is not None and (stated.turns or not was.rule_ids):
        anew = replace(stated, turns=stated.turns and not statement.turned(was.shift.evidence))
        shift = Shift(orgs=was.shift.orgs, models=was.shift.models, evidence=stated.quote)
        candidate = replace(new.candidate, shift=shift, trust=was.trust)
        return replace(new, heard=replace(heard, stated=anew), candidate=candidate)
    denied = was.shift.denied or new.candidate.shift.denied
    shift = replace(was.shift, denied=denied)
    candidate = replace(new.candidate, shift=shift, trust=was.trust, severity=was.severity, rule_ids=was.rule_ids)
    coverage = replace(new.coverage, read=bool(was.rule_ids))
    return replace(new, heard=replace(heard, stated=None), candidate=candidate, coverage=coverage)


def _event(new: _Newcomer, reason: Reason, story: Story, line: str) -> Placed:
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
    return Placed(heard, event, new.look.at, new.candidate.shift)


def _open(conn: Connection, new: _Newcomer, assignment: Assignment) -> tuple[Reason, Story, str]:
    """A story of its own: in a storyline that is awake, or in a new one that may link back to one asleep."""
    storyline_id = assignment.storyline_id
    before = stories.storyline_of(conn, storyline_id) if storyline_id is not None else None
    shift = _completed(new.candidate.shift, before)
    previous_id = before.previous_id if before is not None else assignment.previous_id
    known = (storyline_id, previous_id, *assignment.kin)
    said = record.context(shift, stories.records(conn, shift.orgs, without=known))
    weighed = decide.severity_now(new.candidate.severity, shift.stage, said)
    context = "; ".join(weighed.why)
    baseline = new.heard.baseline
    if storyline_id is None:
        start = stories.NewStoryline(new.look.at, assignment.previous_id, assignment.due_at, context, baseline)
        storyline_id = stories.create_storyline(conn, start)
    else:
        stories.note(conn, storyline_id, due_at=assignment.due_at)
    stories.relate(conn, storyline_id, _kin(conn, assignment))
    opened = storyline.opened(new.candidate, new.coverage, baseline=baseline)
    story = stories.create_story(conn, storyline_id, replace(opened, severity=weighed.severity, shift=shift))
    _complete_others(conn, story, before)
    stories.join(conn, story.id, new.candidate, new.coverage.outlet, assignment.why)
    if before is not None and any(_was_told(conn, one.id, new) for one in before.stories):
        found = news.another(shift, new.said(), before)
    else:
        found = news.first(shift, new.said(), before.steps if before is not None else ())
    _step(conn, story, new, found)
    _shown(conn, story, context)
    return found.reason, story, found.line


def _kin(conn: Connection, assignment: Assignment) -> set[int]:
    """The storylines that a story's own tells on with, or in part; with what told of the one that it continues."""
    kin, before = set(assignment.kin), assignment.previous_id
    if before is not None and before not in kin:  # it asks the same question, and so does what is kin to it
        kin |= {before, *stories.kin_of(conn, before)}
    return kin


def _shown(conn: Connection, story: Story, context: str) -> None:
    """What moved the severity is kept of the story that its storyline stands at."""
    shown = last_move(stories.steps(conn, story.storyline_id))
    if shown is not None and shown.story_id == story.id:
        stories.note(conn, story.storyline_id, context=context)


def _grow(
    conn: Connection, story_id: int, new: _Newcomer, why: str, was: Candidate | None = None
) -> tuple[Reason, Story, str]:
    """One more entry of a known story, or an edit of one of its entries (`was`)."""
    line = stories.line_with(conn, story_id)
    before = next(one for one in line.stories if one.id == story_id)
    said = new.said(was)
    kept = _undenied(new) if news.overruled(said, line.steps) else new
    stories.join(conn, story_id, kept.candidate, new.coverage.outlet, why)
    members = stories.members(conn, story_id)
    after, context = _grown(conn, before, kept, members, line)
    stories.update_story(conn, after)
    _complete_others(conn, after, line)
    newest_last = (*(one for one in members if one.entry_id != new.candidate.entry_id), kept.candidate)
    found = news.grown(before, after, newest_last, said, line)
    _step(conn, after, new, found)
    _shown(conn, after, context)
    if not _was_told(conn, story_id, new):
        return Reason.NEW_STORY, after, ""  # its first entries were baseline, muted or too old: nobody knows it yet
    return found.reason, after, found.line


def _grown(
    conn: Connection, before: Story, new: _Newcomer, members: Sequence[Candidate], line: Storyline
) -> tuple[Story, str]:
    """A story with one more entry, or one that was edited; and what moved its severity, in words."""
    others = tuple(one for one in before.coverage if one.entry_id != new.candidate.entry_id)
    after = storyline.grown(before, members, (*others, new.coverage), baseline=new.heard.baseline)
    after = news.as_told(before, after, line.steps)
    shift = _completed(after.shift, line, but=before.id)
    known = (line.id, line.previous_id, *(one.id for one in line.kin))
    said = record.context(shift, stories.records(conn, shift.orgs, without=known))
    weighed = decide.severity_now(after.severity, shift.stage, said)
    return replace(after, shift=shift, severity=weighed.severity), "; ".join(weighed.why)


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


def heard_of(alert: Alert) -> bool:
    """Whether people know the story of an alert: it is told, or repeats what they were told of its storyline."""
    return not alert.suppressed or alert.reason is Reason.REPEAT


def _was_told(conn: Connection, story_id: int, new: _Newcomer) -> bool:
    return story_id in new.told or any(heard_of(one.alert) for one in alerts.of_story(conn, story_id))


def _step(conn: Connection, story: Story, new: _Newcomer, found: News) -> None:
    if found.step is not None:
        coverage = new.coverage
        told = replace(found.step, headline=coverage.title, url=coverage.url, outlet=coverage.outlet)
        stories.add_step(conn, story, told, coverage.entry_id)
