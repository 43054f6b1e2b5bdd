"""News that comes late: dated before what was told already, as after downtime or from a feed that is polled seldom.

What it says may be news all the same. What later steps have overtaken is not told: it is listed in its place by date.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.model import ASIDES, Reason, Shift, Stage, Step, last_move
from monitor.stories.traits import OPPOSITE, SENSES, Sense
from monitor.stories.weigh import ALWAYS, ORDER

LINE = "dated before what was told since: listed in its place, and told to nobody"
_CLOCKS = timedelta(hours=8)  # so far wrong is a publisher's own hour that is written as Greenwich's
_DECIDED = frozenset({Stage.ANNOUNCED, Stage.EFFECTIVE, *ALWAYS})
_DONE = frozenset({Stage.EFFECTIVE, *ALWAYS})
# A story that its storyline goes on with is told whatever it says; the others move the state by themselves.
_STAGED = frozenset({Reason.NEW_STORY_IN_STORYLINE, Reason.STAGE_MOVED})
_OPENING = frozenset({Reason.NEW_STORY, Reason.NEW_STORY_IN_STORYLINE})


def overtaken(reason: Reason, said: Shift, at: datetime, steps: Sequence[Step]) -> bool:
    """Whether what an entry said then is no news after what its storyline did since: a denial of what was decided
    later, a delay of what came after all, talk of what was announced."""
    last = last_move(steps)
    if last is None or at >= last.at:
        return False
    if reason is Reason.DENIED:
        return last.stage in _DECIDED and not _misdated(at, steps)
    if reason is Reason.DELAYED:
        return last.stage in _DONE
    if reason not in _STAGED:
        return False
    known = {SENSES[step.direction] for step in steps} | {Sense.UNCLEAR}
    return SENSES[said.direction] in known and _behind(said, last)


def _misdated(at: datetime, steps: Sequence[Step]) -> bool:
    """Whether a denial is dated hours before there was anything to deny."""
    first = min(step.at for step in steps)
    return timedelta(0) < first - at <= _CLOCKS


def _behind(said: Shift, last: Step) -> bool:
    if said.denied:
        return last.stage in _DECIDED
    if said.stage not in ORDER:
        return False
    return last.stage in ALWAYS or (last.stage in ORDER and ORDER.index(said.stage) < ORDER.index(last.stage))


def dated(reason: Reason, said: Shift, at: datetime, steps: Sequence[Step]) -> datetime:
    """The date of a step that is told: when it was said; what changes how things stand comes after what it changed."""
    last = last_move(steps)
    if last is not None and reason is Reason.DENIED and _misdated(at, steps):
        return last.at
    turns = last is not None and SENSES[said.direction] is OPPOSITE.get(SENSES[last.direction])
    if last is not None and turns and reason is Reason.NEW_STORY_IN_STORYLINE and last.at - at <= _CLOCKS:
        return max(at, last.at)  # it is told as what comes after
    if last is None or reason in ASIDES or (reason in _OPENING and not _further(said.stage, last.stage)):
        return at
    return max(at, last.at)


def _further(stage: Stage, than: Stage) -> bool:
    if stage in ALWAYS:
        return True
    return stage in ORDER and than in ORDER and ORDER.index(stage) > ORDER.index(than)


def step(reason: Reason, said: Shift, at: datetime, steps: Sequence[Step]) -> Step | None:
    """The step for what was overtaken, in its place by date, with what things stood at then; None when another outlet
    told it already."""
    if reason is Reason.STAGE_MOVED:
        return Step(at, said.stage, said.direction, reason)
    stood = last_move([one for one in steps if one.at <= at])
    ended = next((one.at for one in steps if one.at > at and one.reason not in ASIDES), None)
    since = [one for one in steps if (stood is None or one.at >= stood.at) and (ended is None or one.at < ended)]
    if any(one.reason == reason for one in since):
        return None
    return Step(at, (stood or said).stage, (stood or said).direction, reason)
