"""From hits to people: which story an entry tells, whether that is a move, and who hears of it.

Every hit ends in a recorded alert: told, or suppressed with its reason. All of it happens in the poll's transaction.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alerts import decide, dispatch
from monitor.alerts.decide import Held
from monitor.alerts.receivers import SlackReceiver
from monitor.model import Alert, Entry, Reason, Story, Storyline
from monitor.poll.look import Look
from monitor.poll.place import Heard, Placed, heard_of, place
from monitor.poll.world import World
from monitor.store import alerts, deliveries, due, mutes, stories
from monitor.store.alone import tell_alone
from monitor.store.engine import Connection
from monitor.trial import Point

HELD = (
    "`licensewatch deliveries list --state held` shows them; `licensewatch deliveries release --all` sends them, "
    "`discard --all` drops them, ids instead of `--all` choose"
)
_SHOWN = 3  # headlines of a notice about held alerts


@dataclass(frozen=True, slots=True)
class Told:
    """What was decided about one hit entry, and to how many receivers it goes."""

    entry: Entry
    story: Story
    alert: Alert
    deliveries: int = 0


def tell(conn: Connection, heard: Sequence[Heard], look: Look, world: World, *, reissued: str) -> tuple[Told, ...]:
    """Place every hit entry in a story, decide about each, and queue what is to be sent.

    More alerts than one poll may bring, or a feed that was issued anew, are held behind one notice.
    """
    if not heard:
        return ()
    tell_alone(conn)
    world.index(conn, look.at)  # others may have told since: know it before anything is placed
    in_force = mutes.active(conn, look.at)
    by_story = any(mute.kind == "story" for mute in in_force)
    placed: list[Placed] = []
    decided: list[Alert] = []
    known: set[int] = set()  # what this very poll told is known to whoever reads on
    for one in heard:
        found = place(conn, one, look, world, known)
        if found is not None:
            placed.append(_among_siblings(conn, found) if by_story else found)
            decided.append(decide.decide(placed[-1].event, in_force, look.at))
            known |= {found.event.story.id} if heard_of(decided[-1]) else set()
    world.reached(Point.COMMIT_PLACED)
    held = decide.hold(decided, world.policy.alerts, look.feed.id, reissued=reissued)
    told = [_record(conn, one, alert, held, world) for one, alert in zip(placed, decided, strict=True)]
    world.told(conn)
    if held:
        waits = [(one, alert) for one, alert in zip(placed, decided, strict=True) if alert in held.originals]
        waits.sort(key=lambda pair: pair[1].reason is Reason.REPEAT)  # first what nobody heard of yet
        said = f"{held.notice.line} {_named([one.heard.entry.title for one, _ in waits])}"
        facts = {"title": f"Alerts held: {look.feed.title or look.feed.id}", "text": said, "remedy": HELD}
        ops = dispatch.Recipients(world.policy.ops.receivers, world.policy.receivers, policy=world.policy.alerts)
        deliveries.enqueue(conn, dispatch.held_notice(held.notice, facts, ops, look.at, world.new_id))
    return tuple(told)


def _named(headlines: Sequence[str]) -> str:
    """The first headlines that wait: whoever decides about them sees what they are."""
    shown = "; ".join(f"“{textwrap.shorten(one, 100, placeholder='…') or 'untitled'}”" for one in headlines[:_SHOWN])
    more = f"; and {len(headlines) - _SHOWN} more" if len(headlines) > _SHOWN else ""
    return f"They are: {shown}{more}." if len(headlines) > 1 else f"It is: {shown}."


def _among_siblings(conn: Connection, one: Placed) -> Placed:
    """With the stories whose mute is one of it: of its storyline, and of kin that tell of more labs at once."""
    own, labs = one.event.story.storyline_id, frozenset(one.event.story.shift.orgs)
    whole = (line for line in stories.line_with(conn, one.event.story.id).kin if labs and labs < _labs(line))
    siblings = (*stories.ids_of(conn, own), *(story.id for line in whole for story in line.stories))
    return replace(one, event=replace(one.event, siblings=siblings))


def _labs(line: Storyline) -> frozenset[str]:
    return frozenset(lab for story in line.stories for lab in story.shift.orgs)


def _keep_up(conn: Connection, story: Story, now: datetime, world: World) -> None:
    """Bring the messages of other storylines up to date that say how things stand with what this one tells of."""
    edit = [name for name, one in world.policy.receivers.items() if isinstance(one, SlackReceiver)]
    for other in stories.kin_of(conn, story.storyline_id):
        threads = {name: one for name, one in deliveries.threads(conn, other).items() if name in edit}
        ids = dispatch.Ids(story_id=story.id, storyline_id=other)
        deliveries.enqueue(conn, dispatch.refresh(ids, threads, now, world.new_id))


def _record(conn: Connection, placed: Placed, alert: Alert, held: Held | None, world: World) -> Told:
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
    if alert.reason is not Reason.REPEAT:
        _keep_up(conn, story, now, world)
    world.reached(Point.COMMIT_QUEUED)
    return Told(placed.heard.entry, story, recorded, len(queued))
