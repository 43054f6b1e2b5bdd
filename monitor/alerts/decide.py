"""Whether people are told something, how urgently, where, and when: alerts, severities, routes, quiet hours, digests.

Everything here is a value in and a value out. A decision not to tell is an alert too: suppressed, with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from monitor.counts import counted
from monitor.model import (
    STAGE_WORDS,
    Alert,
    Context,
    Direction,
    Mute,
    Reason,
    Severity,
    ShiftObject,
    Stage,
    Story,
    Trust,
)
from monitor.yamlfile import Duration


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError("the name of a time zone is wanted, such as Europe/Berlin or UTC") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours in which nothing is delivered; what waits goes out at their end. May run over midnight."""

    from_: time
    to: time
    zone: Zone = "UTC"
    except_: tuple[Severity, ...] = ()


@dataclass(frozen=True, slots=True)
class Digest:
    """One bundle a day or a week (Mondays) instead of a message for each alert."""

    every: Literal["day", "week"] = "day"
    at: time = time(8)
    zone: Zone = "UTC"


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """`alerts:` of monitor.yaml."""

    max_per_feed_poll: int = 10
    repeat_after: Duration = timedelta(days=30)
    quiet_hours: QuietHours | None = None
    digest: Digest | None = None


Names = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """What a route asks for; every key that is given must hold, each through any of its values."""

    rule: Names | None = None
    tag: Names | None = None
    severity: Severity | tuple[Severity, ...] | None = None
    direction: Direction | tuple[Direction, ...] | None = None
    stage: Stage | tuple[Stage, ...] | None = None
    object: ShiftObject | tuple[ShiftObject, ...] | None = None
    org: Names | None = None
    model: Names | None = None
    feed: Names | None = None
    feed_tag: Names | None = None
    trust: Trust | tuple[Trust, ...] | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One row of `routes:`. The first that matches wins, unless it says `continue: true`."""

    to: Names
    match: Match = Match()
    continue_: bool = False

    @property
    def receivers(self) -> tuple[str, ...]:
        return (self.to,) if isinstance(self.to, str) else self.to


@dataclass(frozen=True, slots=True)
class Ops:
    """`ops:` of monitor.yaml: who hears about dead feeds, rejected configuration and parked deliveries."""

    to: Names = ()

    @property
    def receivers(self) -> tuple[str, ...]:
        return (self.to,) if isinstance(self.to, str) else self.to


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What routes and mutes look at."""

    rules: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    severity: Severity = Severity.MEDIUM
    direction: Direction = Direction.UNCLEAR
    stage: Stage = Stage.NONE
    object: ShiftObject = ShiftObject.WEIGHTS
    orgs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    feed: str = ""
    feed_tags: tuple[str, ...] = ()
    trust: Trust = Trust.PRESS


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a story, before anyone decides whether to tell.

    `line` is the one line about what moved. `baseline`: the first poll of the feed. `too_old`: in words, why the entry
    is too old to tell of ("published 2025-01-01, before the feed's last poll less 3d"), or nothing. `siblings`: the ids
    of all stories of its storyline; a mute of one of them is of them all.
    """

    reason: Reason
    story: Story
    line: str = ""
    tags: tuple[str, ...] = ()
    feed_id: str = ""
    feed_tags: tuple[str, ...] = ()
    trust: Trust = Trust.PRESS
    baseline: bool = False
    too_old: str = ""
    siblings: tuple[int, ...] = ()


def facts_of(event: Event) -> AlertFacts:
    """What routes and mutes see of an event."""
    story, shift = event.story, event.story.shift
    return AlertFacts(
        rules=story.rule_ids,
        tags=event.tags,
        severity=story.severity,
        direction=shift.direction,
        stage=shift.stage,
        object=shift.object,
        orgs=shift.orgs,
        models=shift.models,
        feed=event.feed_id,
        feed_tags=event.feed_tags,
        trust=event.trust,
    )


def decide(event: Event, mutes: Sequence[Mute], now: datetime) -> Alert:
    """Tell, or record why not: baseline, too old, muted, repeat. Severity is the story's."""
    severity = event.story.severity
    if event.baseline:
        return Alert(Reason.BASELINE, severity, event.line, suppressed=True, note=f"first poll of {event.feed_id}")
    if event.too_old and event.reason not in (Reason.REPEAT, Reason.EDITED):
        return Alert(Reason.TOO_OLD, severity, event.line, suppressed=True, note=event.too_old)
    mute = muted_by(event, mutes, now)
    if mute is not None:
        return Alert(Reason.MUTED, severity, event.line, suppressed=True, note=mute_in_words(mute))
    if event.reason is Reason.REPEAT:
        note = event.line or "more coverage of a story already told"
        return Alert(Reason.REPEAT, severity, "", suppressed=True, note=note)
    if event.reason is Reason.EDITED:
        return Alert(Reason.EDITED, severity, event.line, suppressed=True, note="an edit of an entry already told")
    return Alert(event.reason, severity, event.line)


def muted_by(event: Event, mutes: Sequence[Mute], now: datetime) -> Mute | None:
    """The first mute in force that withholds this event. Rules: only when every rule that matched is muted."""
    facts = facts_of(event)
    live = [mute for mute in mutes if mute.until > now]
    values = {
        "story": {str(story_id) for story_id in (event.story.id, *event.siblings)},
        "feed": {facts.feed},
        "org": {org.casefold() for org in facts.orgs},
    }
    for mute in live:
        if mute.value.casefold() in values.get(mute.kind, set()) or mute.value in values.get(mute.kind, set()):
            return mute
    rules = {mute.value: mute for mute in live if mute.kind == "rule"}
    if facts.rules and all(rule in rules for rule in facts.rules):
        return rules[facts.rules[0]]
    return None


def mute_in_words(mute: Mute) -> str:
    """`mute 3: org Meta until 2026-12-01 08:00 UTC by anna`."""
    by = f" by {mute.by}" if mute.by else ""
    return f"mute {mute.id}: {mute.kind} {mute.value} until {mute.until:%Y-%m-%d %H:%M} UTC{by}"


@dataclass(frozen=True, slots=True)
class Held:
    """Alerts of one poll that wait for a person. `recorded` stand in the ledger of decisions; `originals` are what a
    release sends; `notice` is the one message that says so."""

    recorded: tuple[Alert, ...]
    originals: tuple[Alert, ...]
    notice: Alert


def hold(alerts: Sequence[Alert], policy: AlertPolicy, feed_id: str, *, reissued: str = "") -> Held | None:
    """Hold every alert of a poll when there are more than the policy allows, or the feed was re-issued wholesale.

    What a re-issue repeats is held too: its replies would be a storm in the threads.
    """
    told = tuple(one for one in alerts if not one.suppressed or (reissued and one.reason is Reason.REPEAT))
    if not told or (len(told) <= policy.max_per_feed_poll and not reissued):
        return None
    cause = reissued or f"more came from one poll than max_per_feed_poll: {policy.max_per_feed_poll}"
    count = counted(len(told), "alert waits", "alerts wait")
    line = f"{feed_id}: {count} for a person and nothing is lost. {cause[:1].upper()}{cause[1:]}."
    recorded = tuple(replace(alert, reason=Reason.HELD, note=f"{alert.reason}; {cause}") for alert in told)
    return Held(recorded, told, Alert(Reason.NOTICE, worst(alert.severity for alert in told), line))


def routes_for(facts: AlertFacts, routes: Sequence[Route]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The receivers an alert goes to, in order and each once, and why: one line for each route looked at."""
    receivers: dict[str, None] = {}
    why = []
    for number, route in enumerate(routes, 1):
        misses = tuple(_misses(route.match, facts))
        if misses:
            why.append(f"route {number}: no, {misses[0]}")
            continue
        receivers |= dict.fromkeys(route.receivers)
        goes = f"route {number}: yes, to {', '.join(route.receivers) or 'nobody'}"
        why.append(goes + (", and on to the next" if route.continue_ else ""))
        if not route.continue_:
            break
    if not receivers:
        why.append("no route names a receiver")
    return tuple(receivers), tuple(why)


def _misses(match: Match, facts: AlertFacts) -> Iterable[str]:
    """In words, every key of the route that does not hold."""
    found = {
        "rule": facts.rules,
        "tag": facts.tags,
        "severity": (facts.severity,),
        "direction": (facts.direction,),
        "stage": (facts.stage,),
        "object": (facts.object,),
        "org": facts.orgs,
        "model": facts.models,
        "feed": (facts.feed,),
        "feed_tag": facts.feed_tags,
        "trust": (facts.trust,),
    }
    for key, values in found.items():
        wanted = getattr(match, key)
        if wanted is None:
            continue
        names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        lines = (line for value in values for line in (_lines(value) if key == "model" else (value,)))
        if not {name.casefold() for name in names} & {line.casefold() for line in lines}:
            yield f"{key} is {', '.join(values) or 'none'}, wanted {' or '.join(names)}"


def _lines(model: str) -> Iterable[str]:
    """A model and the lines it belongs to: a route for Llama takes Llama 6, one for GPT takes GPT-6."""
    return (model[:at] for at in range(1, len(model) + 1) if model[at : at + 1] in ("", " ", "-"))


_LADDER = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
_STAGE_STEP = {Stage.RUMOUR: -1, Stage.CONSIDERING: -1, Stage.ENFORCEMENT: 1}


@dataclass(frozen=True, slots=True)
class Weighed:
    """A severity and the reasons that moved it from the rule's base."""

    severity: Severity
    why: tuple[str, ...] = field(default=())


def severity_now(base: Severity, stage: Stage, context: Context | None = None) -> Weighed:
    """The base severity of the rule, moved by stage and context, together at most one step either way.

    A shift against the lab's own line is high at the least: rules rate openings low because most are routine.
    """
    context = context or Context()
    stage_step = _STAGE_STEP.get(stage, 0)
    step = max(-1, min(1, stage_step + context.step))
    moved = _LADDER[max(0, min(len(_LADDER) - 1, _LADDER.index(base) + step))]
    severity = worst((moved, Severity.HIGH)) if context.step > 0 else moved
    why = []
    if stage_step:
        why.append(f"{'lowered' if stage_step < 0 else 'raised'}: {STAGE_WORDS[stage]}")
    if context.step:
        said = "lowered" if context.step < 0 else "raised" if severity is moved else "raised to high"
        why.append(f"{said}: {context.line}")
    return Weighed(severity, tuple(why))


def worst(severities: Iterable[Severity]) -> Severity:
    """The highest of some severities; low for none."""
    return max(severities, key=_LADDER.index, default=Severity.LOW)


def quiet_until(quiet: QuietHours | None, severity: Severity, now: datetime) -> datetime | None:
    """The end of the quiet hours that hold at `now`, in UTC; None when this severity may go out at once."""
    if quiet is None or severity in quiet.except_ or quiet.from_ == quiet.to:
        return None
    local = now.astimezone(ZoneInfo(quiet.zone))
    clock = local.time()
    over_midnight = quiet.from_ > quiet.to
    inside = clock >= quiet.from_ or clock < quiet.to if over_midnight else quiet.from_ <= clock < quiet.to
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if over_midnight and clock >= quiet.from_ else 0)
    return datetime.combine(day, quiet.to, local.tzinfo).astimezone(now.tzinfo)


def digest_at(digest: Digest | None, now: datetime) -> datetime | None:
    """When the digest that takes an alert of `now` goes out, in UTC; None without a digest."""
    if digest is None:
        return None
    local = now.astimezone(ZoneInfo(digest.zone))
    day = local.date()
    if digest.every == "week":
        day += timedelta(days=-day.weekday() % 7)
    due = datetime.combine(day, digest.at, local.tzinfo)
    while due <= local:
        day += timedelta(days=1 if digest.every == "day" else 7)
        due = datetime.combine(day, digest.at, local.tzinfo)
    return due.astimezone(now.tzinfo)


def delivered_from(policy: AlertPolicy, severity: Severity, now: datetime) -> datetime:
    """The moment from which an alert may be delivered: now, the next digest, or the end of the quiet hours."""
    due = digest_at(policy.digest, now) or now
    return quiet_until(policy.quiet_hours, severity, due) or due
