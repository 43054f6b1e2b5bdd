"""What an org's own history says about a shift: "first closing by Meta", "another release by a lab that always does".

A shift against the lab's own line weighs more, one along it less. What we saw ourselves goes first; until there
is enough of it, what the labs were known for when this version was written stands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.model import Context, Direction, Shift, Stage
from monitor.stories.traits import SENSES, Sense, on_openness
from monitor.text import fold

ENOUGH = 3  # shifts of a lab seen by ourselves that make a line of its own
_DONE = frozenset({Stage.EFFECTIVE, Stage.ANNOUNCED})

# As of August 2026: what a lab did with its leading models. Ledger entries overrule it.
_OPEN = """meta, mistral ai, mistral, alibaba, deepseek, moonshot ai, moonshot, zhipu ai, zhipu, minimax, nvidia,
allen institute for ai, ai2, stability ai, black forest labs, ibm, technology innovation institute, tii, databricks,
eleutherai, tencent, xiaomi, stepfun, meituan, ant group, liquid ai, nous research, arcee ai, bigscience,
shanghai ai laboratory, openbmb, cohere, ai21 labs, servicenow, lg ai research, upstage, swiss ai initiative,
hugging face, laion, thinking machines lab, sarvam ai"""
_CLOSED = "openai, anthropic, google deepmind, amazon, apple, safe superintelligence, reka ai"


def _names(listed: str) -> frozenset[str]:
    return frozenset(fold(name) for name in listed.split(","))


_KNOWN: Mapping[Sense, frozenset[str]] = {Sense.OPENWARD: _names(_OPEN), Sense.CLOSEWARD: _names(_CLOSED)}


def context(shift: Shift, past: Mapping[str, Sequence[Shift]]) -> Context:
    """What the history of the first lab of a shift says about it. `past` holds earlier shifts by org name."""
    sense = SENSES[shift.direction]
    if not shift.orgs or sense not in {Sense.OPENWARD, Sense.CLOSEWARD}:
        return Context()
    lab = shift.orgs[0]
    earlier = [SENSES[one.direction] for one in past.get(lab, ()) if one.stage in _DONE]
    ways = [one for one in earlier if one in {Sense.OPENWARD, Sense.CLOSEWARD}]
    if len(ways) < ENOUGH:
        # What a lab is known for are its models; that says nothing about who may use its service.
        return _by_repute(lab, sense, ways) if on_openness(shift.direction, shift.object) else Context()
    return _by_record(lab, shift.direction, sense, ways)


def _by_record(lab: str, direction: Direction, sense: Sense, ways: Sequence[Sense]) -> Context:
    same = ways.count(sense)
    if same == 0:
        return Context(f"first {_deed(direction)} by {lab} after {len(ways)} the other way", 1)
    if sense is Sense.OPENWARD and same == len(ways):
        return Context(f"{lab} always does: {same} earlier, none the other way", -1)
    if same * 4 <= len(ways):
        return Context(f"against {lab}'s own line: {same} of {len(ways)} earlier shifts went this way", 1)
    return Context()


def _by_repute(lab: str, sense: Sense, ways: Sequence[Sense]) -> Context:
    """What a lab is known for, as long as nothing we saw ourselves contradicts it."""
    name = fold(lab)
    if sense is Sense.CLOSEWARD and name in _KNOWN[Sense.OPENWARD] and sense not in ways:
        return Context(f"{lab} is known for open models", 1)
    if sense is Sense.OPENWARD and name in _KNOWN[Sense.CLOSEWARD] and sense not in ways:
        return Context(f"{lab} is known for closed models", 1)
    if sense is Sense.OPENWARD and name in _KNOWN[Sense.OPENWARD] and Sense.CLOSEWARD not in ways:
        return Context(f"{lab} usually publishes its models", -1)
    return Context()


def _deed(direction: Direction) -> str:
    return {
        Direction.OPENING: "opening",
        Direction.LOOSENING: "loosening of terms",
        Direction.CLOSING: "closing",
        Direction.RESTRICTING: "tightening of terms",
    }[direction]
