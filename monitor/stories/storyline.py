"""A story as it opens, grows and moves: what it says now (weigh.py), and whether that is a move worth telling.

A denial is a note on a story, not its reversal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from monitor.model import (
    STAGE_WORDS,
    Candidate,
    Coverage,
    Direction,
    Reason,
    Shift,
    ShiftObject,
    Stage,
    Story,
    Trust,
    ranked,
)
from monitor.stories import promise
from monitor.stories.traits import SENSES, SUMMARY_CHARS, Kind, Sense, headline, kind, spell
from monitor.stories.weigh import ALWAYS, GRAVE, ORDER, Report, same_way, weigh

_AGAIN = re.compile(r"\b(?:again|once more|further|another|(?:second|third) (?:time|delay))\b", re.IGNORECASE)
_LOOKS_BACK = re.compile(r"\W*(?:why|how|what|analysis|opinion|explained|explainer)\b", re.IGNORECASE)
_REVIEWS = re.compile(
    r"\bwe(?: are|['’]re) (?:\w+ )?(?:reviewing|reconsidering|re-?examining|listening)\b", re.IGNORECASE
)
_ECHO = timedelta(days=2)  # outlets tell of one delay for so long …
_NEXT = timedelta(hours=12)  # … and of another one, which says so, after so long
_ON_USE = frozenset({ShiftObject.USAGE_POLICY, ShiftObject.API_TERMS})


def moved(before: Story, after: Story, members: Sequence[Candidate] = ()) -> Reason | None:
    """Why a story that grew is worth telling again: stage, direction, a denial, a delay, its first primary source.

    `members`: its entries as they are now, the newest last; or None when nothing moved.
    """
    reason = shift_moved(before.shift, after.shift)
    if reason in {None, Reason.STAGE_MOVED} and members and _delays_anew(members):
        return Reason.DELAYED
    if reason is None and _primary(after) and not _primary(before):
        return Reason.PRIMARY_SOURCE
    return reason


def delays(candidate: Candidate) -> bool:
    """Whether an entry tells in its headline that something is put off."""
    return kind(candidate.shift.stage, spell(headline(candidate.entry.title))) is Kind.DELAY


def _delays_anew(members: Sequence[Candidate]) -> bool:
    """Whether the newest of these entries tells of a delay that the others do not: the first, or one after it."""
    *others, newest = members
    known: Candidate | None = None
    for one in filter(delays, (*sorted(others, key=lambda member: member.at), newest)):
        if known is None or _another_delay(one, known):
            known = one
    return known is newest


def _another_delay(one: Candidate, known: Candidate) -> bool:
    """Whether a delay is another one than what was known: it says so ("pushed back again"), or names a later date.

    On the next day only what says so, where that did not: outlets are slow, and name dates in many ways.
    """
    away, again = one.at - known.at, bool(_AGAIN.search(one.entry.title))
    if away <= _ECHO:
        return again and away > _NEXT and not _AGAIN.search(known.entry.title)
    if again:
        return True
    due, before = (promise.due_at(f"{each.entry.title}. {each.shift.evidence}", each.at) for each in (one, known))
    return due is not None and before is not None and due - before > _ECHO


def _primary(story: Story) -> bool:
    return any(one.trust is Trust.PRIMARY and one.read for one in story.coverage)


def shift_moved(before: Shift, after: Shift) -> Reason | None:
    """What moved between two states: the stage forward, the direction to another sense, or a denial came."""
    if stage_moved(before.stage, after.stage):
        return Reason.STAGE_MOVED
    senses = {SENSES[before.direction], SENSES[after.direction]}
    if len(senses) == 2 and Sense.UNCLEAR not in senses:
        return Reason.DIRECTION_CHANGED
    return Reason.DENIED if after.denied and not before.denied else None


def stage_moved(before: Stage, after: Stage) -> bool:
    """Forward along rumour, considering, announced, effective; into reversed and enforcement always; n/a never."""
    if after is before or after is Stage.NONE or before is Stage.NONE:
        return after in ALWAYS and after is not before
    return after in ALWAYS or before in ALWAYS or ORDER.index(after) > ORDER.index(before)


def opened(candidate: Candidate, coverage: Coverage, *, baseline: bool = False) -> Story:
    """The story that an entry opens; its ids come from the store, its severity is the rules' base."""
    return Story(
        id=0,
        storyline_id=0,
        title=coverage.title or candidate.entry.title,
        severity=candidate.severity,
        shift=candidate.shift,
        rule_ids=candidate.rule_ids,
        first_seen_at=candidate.seen_at,
        last_seen_at=candidate.seen_at,
        coverage=(coverage,),
        baseline=baseline,
    )


def grown(story: Story, members: Iterable[Candidate], coverage: Iterable[Coverage], *, baseline: bool = False) -> Story:
    """The story as these members make it, the newcomer among them. Severity is the rules' base.

    The headline is the best source's, of those that tell how things stand. Revised entries come in the same way: pass
    the members as they read now.
    """
    everyone = sorted(members, key=lambda member: (member.at, member.entry_id))
    told = ranked(coverage)
    # What no rule read (statement.py) is a source, and no voice on what happened; nor does its headline tell that.
    read = [member for member in everyone if member.rule_ids] or everyone
    shift = weigh([Report(one.shift, one.trust, one.at, _looks_back(one)) for one in read])
    tell_it = {
        one.entry_id
        for one in read
        if one.shift.stage is shift.stage and same_way(one.shift, shift.direction) and not one.shift.denied
    }
    title = next((one.title for one in told if one.entry_id in tell_it and one.title), "")
    return replace(
        story,
        title=title or (told[0].title if told else "") or story.title,
        severity=max((member.severity for member in everyone), key=GRAVE.index, default=story.severity),
        shift=shift,
        rule_ids=tuple(dict.fromkeys(rule for member in everyone for rule in member.rule_ids)) or story.rule_ids,
        last_seen_at=max(story.last_seen_at, *(member.seen_at for member in everyone)),
        coverage=told,
        baseline=story.baseline and baseline,
    )


def _looks_back(one: Candidate) -> bool:
    """Whether an entry explains what others reported, or a lab says in it that it looks at it again."""
    said = f"{one.entry.title}. {one.entry.summary[:SUMMARY_CHARS]}"
    return bool(_LOOKS_BACK.match(one.entry.title) or _REVIEWS.search(said))


def completed(shift: Shift, others: Iterable[Shift]) -> Shift:
    """A shift with what other stories of its storyline name, for they ask the same question; the first goes first.

    Lab and model where it names none; terms from those that go the same way, on the same matter (a usage policy changes
    no licence), and contradict it on neither side.
    """
    for other in others:
        shift = replace(shift, orgs=shift.orgs or other.orgs, models=shift.models or other.models)
        same_way = SENSES[shift.direction] is SENSES[other.direction]
        same_matter = (shift.object in _ON_USE) is (other.object in _ON_USE)
        agree = all(not a or not b or a == b for a, b in ((shift.from_, other.from_), (shift.to, other.to)))
        if same_way and same_matter and agree:
            shift = replace(shift, from_=shift.from_ or other.from_, to=shift.to or other.to)
    return shift


def move_line(reason: Reason, before: Shift, after: Shift, outlet: str = "") -> str:
    """What moved, in one line: "under consideration → announced, says The Decoder"."""
    says = f", says {outlet}" if outlet else ""
    if reason is Reason.DENIED:
        return f"a denial is reported{f' by {outlet}' if outlet else ''}"
    was, now = STAGE_WORDS[before.stage], STAGE_WORDS[after.stage]
    if reason is Reason.DELAYED:
        first = f"{was} → {now}, and " if stage_moved(before.stage, after.stage) and was and now else ""
        return f"{first}a delay is reported{f' by {outlet}' if outlet else ''}"
    if reason is Reason.PRIMARY_SOURCE:
        return f"first primary source{f': {outlet}' if outlet else ''}"
    opposite = {SENSES[before.direction], SENSES[after.direction]} == {Sense.OPENWARD, Sense.CLOSEWARD}
    if reason is Reason.DIRECTION_CHANGED or (opposite and after.stage is not Stage.REVERSED):
        return f"{before.direction} → {after.direction}{f' · {now}' if now and now != was else ''}{says}"
    if was and now and was != now:
        return f"{was} → {now}{says}"
    way = "which way is unclear" if after.direction is Direction.UNCLEAR else after.direction
    return f"{' · '.join(filter(None, (way, now)))}{says}"
