"""What an entry changes about its storyline, and whether people hear of it: the reason, the step, the line.

Pure: the storyline as it was, the entry, and the story as it is with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.model import (
    ASIDES,
    Candidate,
    Direction,
    Reason,
    Shift,
    Stage,
    Step,
    Story,
    Storyline,
    Trust,
    denied_now,
    last_move,
)
from monitor.stories import late, outlets, promise, statement, storyline
from monitor.stories.statement import Statement
from monitor.stories.traits import OPPOSITE, SENSES

_NOTES = frozenset({Reason.DENIED, Reason.DELAYED, Reason.PRIMARY_SOURCE})
# What was only spoken of is denied by these; without such talk they tell what a lab holds to.
_NO_PLANS = re.compile(
    r"\b(?:no|never had|not|n['’]t|without)\s+(?:\w+\s+){0,2}(?:plan(?:s|ned|ning)?|intention|intend\w*)\b",
    re.IGNORECASE,
)
_SPOKEN_OF = frozenset({Stage.RUMOUR, Stage.CONSIDERING})
_NEW_DATE = timedelta(days=2)
_OF_ONE_TURN = timedelta(days=3)
AS_BEFORE = "says what was announced before"
BACK = "says of a turn back that it is one"


@dataclass(frozen=True, slots=True)
class Said:
    """An entry and how it came: by whom, as an edit of what it was, or (`stated`) in words that no rule reads."""

    candidate: Candidate
    outlet: str
    was: Candidate | None = None
    stated: Statement | None = None

    @property
    def at(self) -> datetime:
        """When it was said; what an edit says is said now."""
        return self.candidate.at if self.was is None else self.candidate.seen_at

    @property
    def denies(self) -> bool:
        """Whether it denies something that it did not deny before."""
        return self.candidate.shift.denied and not (self.was is not None and self.was.shift.denied)


@dataclass(frozen=True, slots=True)
class News:
    """What becomes of it. A repeat may have a step, too: what was overtaken is listed in its place."""

    reason: Reason
    line: str = ""
    step: Step | None = None


def answers(candidate: Candidate) -> bool:
    """Whether a headline says that nothing of the kind is planned."""
    return bool(_NO_PLANS.search(candidate.entry.title))


def denies(candidate: Candidate, line: Storyline) -> Candidate | None:
    """What says that nothing is planned, as the denial of what its storyline only spoke of; None where it is none."""
    spoken_of, said = line.current.shift, candidate.shift
    opposite = SENSES[said.direction] is OPPOSITE.get(SENSES[spoken_of.direction])
    if spoken_of.stage not in _SPOKEN_OF or not opposite or not answers(candidate):
        return None
    shift = replace(said, direction=spoken_of.direction, stage=Stage.RUMOUR, denied=True, from_="", to="")
    return replace(candidate, shift=shift)


def first(shift: Shift, said: Said, steps: Sequence[Step] = ()) -> News:
    """A story that nobody heard of before, nor of its storyline. One that begins with a delay stands at that."""
    begins = Reason.DELAYED if storyline.delays(said.candidate) and not shift.denied else Reason.NEW_STORY
    return News(Reason.NEW_STORY, "", _step(begins, shift, said, steps))


def another(shift: Shift, said: Said, line: Storyline) -> News:
    """A story of its own in a storyline that people know."""
    last, at = line.current.shift, said.candidate.at
    reason = Reason.NEW_STORY_IN_STORYLINE
    if shift.denied:
        reason = Reason.DENIED
    elif storyline.delays(said.candidate) and SENSES[shift.direction] is not OPPOSITE.get(SENSES[last.direction]):
        reason = Reason.DELAYED
    if late.overtaken(reason, shift, at, line.steps):
        taken = Step(at, shift.stage, shift.direction, reason)
        return News(Reason.REPEAT, late.LINE, late.step(reason, shift, at, line.steps) if shift.denied else taken)
    if reason is Reason.NEW_STORY_IN_STORYLINE and _restates(shift, said, line):
        return News(Reason.REPEAT, AS_BEFORE)
    if reason is Reason.NEW_STORY_IN_STORYLINE and _is_back(shift, at, line):
        return News(Reason.REPEAT, BACK)
    moved = reason if reason in _NOTES else storyline.shift_moved(last, shift) or reason
    return News(reason, _line(moved, last, shift, said), _step(reason, shift, said, line.steps))


def grown(before: Story, after: Story, members: Sequence[Candidate], said: Said, line: Storyline) -> News:
    """One more entry of a known story (`before`, now `after`), or an edit of one. `members`: the newest last.

    What the storyline told before is no move when a publisher's edit says it again, or a late report of an older story.
    """
    reason = _moved(before, after, members, said, line)
    overtaken = overruled(said, line.steps)
    shift = replace(said.candidate.shift, denied=False) if overtaken else said.candidate.shift
    if overtaken if reason is None else late.overtaken(reason, shift, said.at, line.steps):
        return News(Reason.REPEAT, late.LINE, late.step(reason or Reason.DENIED, shift, said.at, line.steps))
    if reason is None:
        return News(Reason.REPEAT)
    told_at = late.dated(reason, after.shift, said.at, line.steps)
    step = Step(told_at, after.shift.stage, after.shift.direction, reason)
    # A story that goes on beside the one that things stood at: people were told last how that one was.
    stood = before if line.current.id == before.id else line.current
    return News(reason, _line(reason, stood.shift, after.shift, said), step)


def overruled(said: Said, steps: Sequence[Step]) -> bool:
    """Whether an entry denies what was decided after it: it denies nothing of what stands now."""
    shift = said.candidate.shift
    return shift.denied and late.overtaken(Reason.DENIED, shift, said.at, steps)


def _moved(before: Story, after: Story, members: Sequence[Candidate], said: Said, line: Storyline) -> Reason | None:
    if said.stated is not None and statement.tells(said.stated, before):
        return Reason.PRIMARY_SOURCE
    # Who denies is a report's own matter: others in the story may have denied what was overruled since.
    stands = before.shift.denied and denied_now(line.steps)
    denied = stands or said.denies
    reason = storyline.moved(_denied(before, stands), _denied(after, denied), members)
    again = said.was is not None or after.id != line.stories[-1].id
    if again and reason is not None and reason is not Reason.DENIED:
        told = {_news(step.stage, step.direction, step.reason) for step in line.steps}
        return None if _news(after.shift.stage, after.shift.direction, reason) in told else reason
    return reason


def as_told(before: Story, after: Story, steps: Sequence[Step]) -> Story:
    """A story that took back what its storyline stood at: that it is announced (or done), and that a decision was
    reversed, is one and the same. People heard of it when its first report said which way things go now."""
    was, now = before.shift.stage, after.shift.stage
    same = {was, now} <= {Stage.ANNOUNCED, Stage.REVERSED} or (was, now) == (Stage.EFFECTIVE, Stage.REVERSED)
    stood = was if same and _turned_back(before.shift, after.shift, steps) else now
    return replace(after, shift=replace(after.shift, stage=stood))


def _restates(shift: Shift, said: Said, line: Storyline) -> bool:
    """Whether a report promises once more what its storyline has promised: of the same models, the same way, under no
    other terms. That it is sure now, or off, would be a stage or a way of its own."""
    last = line.current.shift
    terms_stand = shift.to in {last.to, "", "open", "closed"}
    same = terms_stand and (shift.stage, shift.direction) == (last.stage, last.direction)
    models = frozenset(shift.models) & frozenset(last.models)
    if not same or not models or shift.stage is not Stage.ANNOUNCED or said.candidate.trust is Trust.PRIMARY:
        return False
    denied = last.denied and denied_now(line.steps)
    return not denied and not _later_date(said, line)


def _later_date(said: Said, line: Storyline) -> bool:
    """Whether a report names a date that its storyline has not promised: none so far, or a later one."""
    due = promise.due_at(f"{said.candidate.entry.title}. {said.candidate.shift.evidence}", said.at)
    told = [(one.title, one.at) for story in line.stories for one in story.coverage]
    known = [promise.due_at(title, at) for title, at in told]
    known += [promise.due_at(one.shift.evidence, one.first_seen_at) for one in line.stories]
    return due is not None and due - max(filter(None, known), default=said.at) > _NEW_DATE


def _denied(story: Story, denied: bool) -> Story:
    return replace(story, shift=replace(story.shift, denied=denied))


def _is_back(shift: Shift, at: datetime, line: Storyline) -> bool:
    """Whether a report calls a reversal what people heard of as a turn back, days ago: the lab says that a model is
    back, the press that the lab restores it."""
    last, told = line.current.shift, last_move(line.steps)
    near = told is not None and at - told.at <= _OF_ONE_TURN
    return (
        near
        and (last.stage, shift.stage) == (Stage.EFFECTIVE, Stage.REVERSED)
        and _turned_back(last, shift, line.steps)
    )


def _turned_back(before: Shift, after: Shift, steps: Sequence[Step]) -> bool:
    """Whether the way that a story goes on was itself a turn back when people heard of it."""
    way = SENSES[before.direction]
    moves = (step for step in reversed(steps) if step.reason not in ASIDES)
    other = next((step for step in moves if SENSES[step.direction] is not way), None)
    return SENSES[after.direction] is way and other is not None and SENSES[other.direction] is OPPOSITE.get(way)


def _line(reason: Reason, before: Shift, after: Shift, said: Said) -> str:
    if said.stated is not None:
        return statement.line(said.outlet)
    if reason is Reason.DENIED and outlets.corrects(said.candidate.entry.title):
        return f"a correction is published by {said.outlet}"
    return storyline.move_line(reason, before, after, said.outlet)


def _news(stage: Stage, direction: Direction, reason: str) -> tuple[str, ...]:
    """What makes two steps the same piece of news."""
    return (reason,) if reason in _NOTES else (stage, direction)


def _step(reason: Reason, shift: Shift, said: Said, steps: Sequence[Step]) -> Step:
    at = late.dated(reason, shift, said.candidate.at, steps)
    stood = last_move([one for one in steps if one.at <= at]) if reason is Reason.DENIED else None
    if stood is not None:  # a denial is a note on how things stand
        return Step(at, stood.stage, stood.direction, reason)
    return Step(at, shift.stage, shift.direction, reason)
