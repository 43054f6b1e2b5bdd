"""What entries say together: the hits of one, and the reports of a story.

Trust and time weigh: the actor itself over the press, the press over a community; what is newer over what is older.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from monitor.model import Confidence, Direction, Hit, Severity, Shift, Stage, Trust
from monitor.stories.traits import OPPOSITE, SENSES, Sense

FRESH = timedelta(days=7)  # reports this near to the newest count double
NAMES = 6  # orgs and models shown of a story, the most named first
ORDER = (Stage.RUMOUR, Stage.CONSIDERING, Stage.ANNOUNCED, Stage.EFFECTIVE)
ALWAYS = (Stage.REVERSED, Stage.ENFORCEMENT)
GRAVE = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
_DENIAL = re.compile(r"\b(?:den(?:y|ies|ied)|dismiss(?:es|ed)?|refut(?:es|ed))\b", re.IGNORECASE)
_TRUST = {Trust.PRIMARY: 3.0, Trust.PRESS: 2.0, Trust.COMMUNITY: 1.0}
_SURE = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)

Value = TypeVar("Value", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Report:
    """What one entry says of a story, who says it, and when. `looks_back`: it explains what others reported, or says
    that it is looked at again: neither moves a stage."""

    shift: Shift
    trust: Trust
    at: datetime
    looks_back: bool = False


def entry_shift(hits: Sequence[Hit]) -> Shift:
    """The one shift of an entry's hits, names and licences filled in.

    Believed is the rule with the highest priority, then the gravest, then the surest. What it leaves open is taken from
    the hits of its direction first.
    """
    if not hits:
        return Shift()
    ranked = sorted(hits, key=_belief, reverse=True)
    believed = next((hit for hit in ranked if hit.shift.direction is not Direction.UNCLEAR), ranked[0])
    first = believed.shift
    shifts = [first, *sorted((hit.shift for hit in ranked), key=lambda one: one.direction is not first.direction)]
    peers = [first, *(hit.shift for hit in ranked if hit.priority == ranked[0].priority)]
    # A dispute or a policy may be talk alone: its stage is none, and not that of what else was read.
    debate = first.direction in {Direction.DISPUTE, Direction.POLICY}
    staged = [one.stage for one in peers if not debate or one.direction is first.direction]
    stage = next((one for one in staged if one is not Stage.NONE), Stage.NONE)
    if stage is Stage.ANNOUNCED and _DENIAL.search(_with_evidence(first, shifts).evidence):
        stage = Stage.RUMOUR  # "denies that it will": what is denied was not announced
    denied = any(one.denied for one in peers)
    same_way = [] if denied else [one for one in shifts if _tells_ends_of(one, first.direction)]
    to = next((one.to for one in same_way if one.to), "")
    return replace(
        _quoted(believed, ranked),
        stage=stage,
        orgs=_union(one.orgs for one in shifts),
        models=_union(one.models for one in shifts),
        from_=next((one.from_ for one in same_way if one.from_ not in {"", to}), ""),
        to=to,
        denied=denied,
    )


def _belief(hit: Hit) -> tuple[int, int, int]:
    return hit.priority, GRAVE.index(hit.severity), _SURE.index(hit.shift.confidence)


def _quoted(believed: Hit, ranked: Iterable[Hit]) -> Shift:
    """The believed shift with the words that say it best, and their marks.

    Where it would only quote the headline, a sentence of the text that another rule of its direction quotes goes first.
    """
    shift, others = believed.shift, tuple(ranked)
    if not _reads_text(believed):
        for one in (hit.shift for hit in others if _reads_text(hit)):
            if one.direction is shift.direction and one.evidence not in {"", shift.evidence}:
                return replace(shift, evidence=one.evidence, marks=one.marks)
    return _with_evidence(shift, (hit.shift for hit in others))


def _reads_text(hit: Hit) -> bool:
    return any(span.field != "title" for span in hit.spans)


def _with_evidence(shift: Shift, others: Iterable[Shift]) -> Shift:
    """The shift with evidence: its own, or the first that another one quotes, with its marks."""
    quoted = next((one for one in (shift, *others) if one.evidence), shift)
    return replace(shift, evidence=quoted.evidence, marks=quoted.marks)


def _union(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


def weigh(reports: Sequence[Report]) -> Shift:
    """The state of things now from all reports, oldest first.

    Stage: the furthest that a trusted report tells, or two community ones, and never behind what the actor itself said
    later. Direction, object, licences: what weighs most. Names: those that two reports or a best one give.
    """
    if len(reports) == 1:
        return reports[0].shift
    stage = _stage(reports)
    direction = _direction(reports)
    # Words and terms are those of reports that say which way it goes now: others would contradict it.
    telling = [report for report in reports if same_way(report.shift, direction)] or reports
    best = max(telling, key=lambda report: (report.shift.stage is stage, _weight(report, reports), report.at))
    confidence, reasons = _confidence(reports, direction)
    return replace(
        _with_evidence(best.shift, _shifts(telling)),
        direction=direction,
        stage=stage,
        object=_heaviest(reports, lambda shift: shift.object, None) or best.shift.object,
        orgs=_names(reports, lambda shift: shift.orgs),
        models=_names(reports, lambda shift: shift.models),
        from_=_licence(telling, lambda shift: shift.from_),
        to=_licence(telling, lambda shift: shift.to),
        confidence=confidence,
        reasons=reasons,
        denied=any(report.shift.denied for report in reports),
    )


def same_way(shift: Shift, direction: Direction) -> bool:
    """Whether a shift goes the way of a direction, or says no way."""
    return SENSES[shift.direction] in {SENSES[direction], Sense.UNCLEAR}


def _tells_ends_of(shift: Shift, direction: Direction) -> bool:
    """Whether a shift may tell from what to what one of this direction goes: a limit in a licence takes nothing from

    open to closed, whatever another rule read.
    """
    plain = {shift.from_, shift.to} & {"open", "closed"}
    return same_way(shift, direction) and not (plain and shift.direction is not direction)


def _weight(report: Report, reports: Sequence[Report]) -> float:
    newest = max(other.at for other in reports)
    return _TRUST[report.trust] * (2.0 if newest - report.at <= FRESH else 1.0)


def _heaviest(reports: Sequence[Report], of: Callable[[Shift], Value], nothing: Value | None) -> Value:
    """The value most weight stands behind; the latest of equals. `nothing` has no vote while others vote."""
    weights: dict[Value, tuple[float, int]] = {}
    for number, report in enumerate(reports):
        value = of(report.shift)
        if value != nothing:
            weights[value] = (weights.get(value, (0.0, 0))[0] + _weight(report, reports), number)
    return max(weights, key=weights.__getitem__) if weights else of(reports[-1].shift)


def _direction(reports: Sequence[Report]) -> Direction:
    """The way that most say; of equals the latest where that is a turn. Who calls it a dispute turns nothing."""
    latest, first = (
        _heaviest(some, lambda shift: shift.direction, Direction.UNCLEAR) for some in (reports, reports[::-1])
    )
    return latest if SENSES[latest] in {SENSES[first], OPPOSITE.get(SENSES[first])} else first


def _stage(reports: Sequence[Report]) -> Stage:
    told = [report for report in reports if report.shift.stage is not Stage.NONE]
    told = [report for report in told if not report.shift.denied] or told  # a denial moves nothing
    told = [report for report in told if not report.looks_back] or told  # nor does an analysis
    if not told:
        return Stage.NONE
    believed = [report for report in told if report.trust is not Trust.COMMUNITY]
    for stage in {report.shift.stage for report in told}:
        echoes = [report for report in told if report.shift.stage is stage and report.trust is Trust.COMMUNITY]
        if len(echoes) > 1 or len(echoes) == len(told):
            believed.extend(echoes)
    believed = believed or told[-1:]
    primary = [report for report in believed if report.trust is Trust.PRIMARY]
    if primary:
        believed = [report for report in believed if report.trust is Trust.PRIMARY or report.at >= primary[-1].at]
    always = [report for report in believed if report.shift.stage in ALWAYS]
    if always:
        return max(always, key=lambda report: report.at).shift.stage
    return max((report.shift.stage for report in believed), key=ORDER.index)


def _names(reports: Sequence[Report], of: Callable[[Shift], tuple[str, ...]]) -> tuple[str, ...]:
    weights: dict[str, float] = {}
    heaviest = (
        max(_TRUST[report.trust] for report in reports if of(report.shift)) if any(map(of, _shifts(reports))) else 0
    )
    sure: set[str] = set()
    for report in reports:
        for name in of(report.shift):
            if name in weights or _TRUST[report.trust] == heaviest:
                sure.add(name)
            weights[name] = weights.get(name, 0.0) + _weight(report, reports)
    return tuple(sorted(sure, key=lambda name: -weights[name])[:NAMES])


def _shifts(reports: Sequence[Report]) -> list[Shift]:
    return [report.shift for report in reports]


def _licence(reports: Sequence[Report], of: Callable[[Shift], str]) -> str:
    """The heaviest licence; a named one goes before a mere "open" or "closed"."""
    named = [report for report in reports if of(report.shift) not in {"", "open", "closed"}]
    return _heaviest(named or reports, of, "")


def _confidence(reports: Sequence[Report], direction: Direction) -> tuple[Confidence, tuple[str, ...]]:
    best = max(reports, key=lambda report: _SURE.index(report.shift.confidence)).shift
    level = _SURE.index(best.confidence)
    reasons = list(best.reasons)
    agreeing = sum(report.trust is not Trust.COMMUNITY for report in reports)
    if agreeing >= 3 and level < 2:
        level += 1
        reasons.append(f"{agreeing} reports agree")
    says_so = (one for one in reports if SENSES[one.shift.direction] is SENSES[direction] and not one.shift.denied)
    if any(one.trust is Trust.PRIMARY for one in says_so) and "a primary source says so" not in reasons:
        level = 2
        reasons.append("a primary source says so")
    return _SURE[level], tuple(dict.fromkeys(reasons))
