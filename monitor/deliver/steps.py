"""The database's side of an attempt: each function is one transaction's work, and runs off the event loop."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from monitor.alerts import bundle, dispatch, render
from monitor.alerts.outcome import BUG, GONE, ODD, Next, Outcome, after_failure, remedy, scope_of
from monitor.alerts.receivers import Posting, Receipt, permalink
from monitor.counts import counted
from monitor.deliver.options import Options
from monitor.errors import DeliveryError, DeliveryScope
from monitor.model import BUNDLED, Action, Delivery, DeliveryState, Message, Reception, Role, Storyline
from monitor.store import deliveries, feedback, receivers, stories
from monitor.store.alone import tell_alone
from monitor.store.engine import Connection
from monitor.trial import Point

# A successor that is deleted this soon is deleted on purpose, or the channel is not what it seems.
_SUCCESSOR_MUST_LIVE = timedelta(minutes=10)
_ENOUGH = 200  # characters of a message, to know it by
_NOTHING = Message(text="it could not be written: a fault of this program")


@dataclass(frozen=True, slots=True)
class Work:
    """One call that is about to be made: `posting` for a new message, `receipt` for the message to edit."""

    delivery: Delivery
    message: Message
    posting: Posting | None = None
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """How an attempt begins: Slack's clock, whether the receiver knows threads and edits, whether buttons work, and
    where its messages can be linked to."""

    delivery: Delivery
    now: datetime
    anchor: str | None
    threaded: bool
    acting: bool = False
    home: str = ""


def begin(conn: Connection, start: Start, options: Options) -> Work | None:
    """Commit `sending` and render, from one state of the database: whatever changes later enqueues its own edit.

    None: there is nothing to send after all; the row says why.
    """
    tell_alone(conn)
    target = deliveries.get(conn, start.delivery.target_id) if start.delivery.target_id else None
    if _resolved_without_sending(conn, start, target, options):
        return None
    row = deliveries.mark_sending(conn, start.delivery.id, start.now, start.anchor)
    if row is None:
        return None
    message = _render(conn, row, start, options)
    if message is None:
        deliveries.mark_discarded(conn, row.id, {"last_error": "its story is gone (retention)"})
        return None
    receivers.posted(conn, row.receiver, start.now)
    options.reached(Point.SEND_RECORDED)
    if row.action is Action.UPDATE and target is not None:
        return Work(row, message, receipt=Receipt(target.channel, target.ts))
    thread_ts = target.ts if target is not None and start.threaded else None
    return Work(row, message, posting=Posting(row.id, thread_ts, row.broadcast))


def tripped(conn: Connection, start: Start, bug: Exception, options: Options) -> None:
    """`begin` met a bug: that was an attempt, though nothing was sent. It is tried a few times more, and holds up
    nothing but its own replies and edits."""
    tell_alone(conn)
    row = deliveries.mark_sending(conn, start.delivery.id, start.now, start.anchor)
    if row is not None:
        error = DeliveryError(DeliveryScope.TRANSIENT, BUG, f"{type(bug).__name__}, a fault of ours")
        outcome = after_failure(row, error, settle=timedelta(), now=start.now)
        failed(conn, Failed(Work(row, _NOTHING), error, outcome, start.now), options)


def _resolved_without_sending(conn: Connection, start: Start, target: Delivery | None, options: Options) -> bool:
    row = start.delivery
    if row.target_id is None:
        return False
    if target is None or target.state is DeliveryState.DISCARDED:
        return deliveries.mark_discarded(conn, row.id, {"last_error": "what it belongs to was discarded"})
    if not start.threaded:
        only_edits = row.action is Action.UPDATE or row.role is Role.COVERAGE
        return only_edits and deliveries.mark_discarded(conn, row.id, {"last_error": "this receiver cannot edit"})
    if target.ts is not None:
        return False
    if row.role is Role.MOVE:
        # The parent went to the console, before Slack was connected: the channel gets its own now.
        new_parent(conn, target, start.now, options)
        return True
    return deliveries.mark_discarded(conn, row.id, {"last_error": "its message stands in no channel"})


def _render(conn: Connection, row: Delivery, start: Start, options: Options) -> Message | None:
    if row.role is Role.DIGEST:
        message = _digest(conn, row, options)
    elif row.role in (Role.NOTICE, Role.TEST):
        message = render.notice(row.facts)
    else:
        storyline = options.storyline(conn, row.storyline_id) if row.storyline_id is not None else None
        if storyline is None or not storyline.stories:
            return None
        reception = feedback.reception(conn, storyline, start.now) if start.acting else None
        message = _of_storyline(storyline, row, reception, _places(conn, storyline, start))
    if message is None:
        return None
    return render.plain(message) if row.facts.get("plain") else message


def _of_storyline(
    storyline: Storyline, row: Delivery, reception: Reception | None, places: Mapping[int, str]
) -> Message:
    if row.role is Role.MOVE:
        return render.move(storyline, row.facts)
    return render.coverage(storyline) if row.role is Role.COVERAGE else render.parent(storyline, reception, places)


def _places(conn: Connection, storyline: Storyline, start: Start) -> Mapping[int, str]:
    """The addresses of the messages of the storyline that this one continues and of its kin, by their ids, where this
    receiver holds them."""
    if not start.threaded:
        return {}
    found: dict[int, str] = {}
    before = () if storyline.previous_id is None else (storyline.previous_id,)
    for other in {*before, *(one.id for one in storyline.kin)}:
        thread = deliveries.threads(conn, other).get(start.delivery.receiver)
        sent = deliveries.get(conn, thread.parent_id) if thread is not None else None
        found[other] = permalink(start.home, sent.channel, sent.ts) if sent is not None else ""
    return found


def _digest(conn: Connection, row: Delivery, options: Options) -> Message | None:
    """Bundle what else waits for the same digest into this one message, as much as it holds; a retry bundles the same.

    What finds no room stays in the outbox and makes the next message.
    """
    wanted = [[row.storyline_id, row.facts.get("line") or ""], *(row.facts.get("bundled") or [])]
    known = len(wanted)
    load = cache(partial(options.storyline, conn))
    for other in deliveries.bundle(conn, row):
        longer = [*wanted, [other.storyline_id, other.facts.get("line") or ""]]
        if not bundle.holds(_told(longer, load)):
            break
        wanted = longer
        deliveries.mark_discarded(conn, other.id, {"last_error": f"{BUNDLED}{row.id}"})
    if len(wanted) > known:
        deliveries.set_facts(conn, row.id, {**row.facts, "bundled": wanted[1:]})
    present = _told(wanted, load)
    return bundle.digest(present) if present else None


def _told(
    wanted: Sequence[Sequence[Any]], load: Callable[[int], Storyline | None]
) -> list[tuple[Storyline, tuple[str, ...]]]:
    """The storylines of a digest as they stand, each once, with the lines of what moved."""
    lines: dict[int, list[str]] = {}
    for storyline_id, line in wanted:
        if storyline_id is not None:
            lines.setdefault(storyline_id, []).append(line)
    found = [(load(one), tuple(filter(None, moved))) for one, moved in lines.items()]
    return [(storyline, moved) for storyline, moved in found if storyline is not None and storyline.stories]


# --- after an attempt ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt that was accepted. `proven`: the receiver's own credential worked (the console standing in for it
    proves nothing)."""

    row: Delivery
    receipt: Receipt
    now: datetime
    proven: bool


def succeeded(conn: Connection, sent: Sent, options: Options) -> bool:
    """Write down that it was sent; False: another attempt owns the row by now."""
    row, receipt, now = sent.row, sent.receipt, sent.now
    stands = row.role is Role.PARENT and row.action is Action.POST and receipt.ts is not None
    if stands:
        tell_alone(conn)
    if sent.proven:
        receivers.worked(conn, row.receiver, now)
    if not deliveries.owns(conn, row.id, row.last_attempt_at):
        return False
    if not deliveries.mark_sent(conn, row.id, now, channel=receipt.channel, ts=receipt.ts):
        return False
    if stands:
        _lead_here(conn, row, now, options)
    return True


def _lead_here(conn: Connection, row: Delivery, now: datetime, options: Options) -> None:
    """A storyline's message stands there now: what the receiver holds of its kin leads to it from here on."""
    for other in stories.kin_of(conn, row.storyline_id or 0):
        threads = deliveries.threads(conn, other)
        held = {row.receiver: threads[row.receiver]} if row.receiver in threads else {}
        ids = dispatch.Ids(storyline_id=other)
        deliveries.enqueue(conn, dispatch.refresh(ids, held, now, options.new_id))


@dataclass(frozen=True, slots=True)
class Failed:
    """A failed attempt and what it means."""

    work: Work
    error: DeliveryError
    outcome: Outcome
    now: datetime

    @property
    def facts(self) -> dict[str, Any]:
        return {"last_error": self.error.code, "error_scope": str(self.error.scope)}


def failed(conn: Connection, failure: Failed, options: Options) -> None:
    """Bring the row into the state that the outcome names. Parking is the lane's own step, `parked`."""
    tell_alone(conn)
    row, facts = failure.work.delivery, failure.facts
    if not deliveries.owns(conn, row.id, row.last_attempt_at):
        return  # we were thought dead, and somebody else sees to it
    match failure.outcome.next:
        case Next.RETRY:
            if scope_of(failure.error.code) is None:
                facts["facts"] = {**row.facts, ODD: row.facts.get(ODD, 0) + 1}
            deliveries.mark_retry(conn, row.id, facts | {"next_attempt_at": failure.outcome.at})
        case Next.LOOK:
            deliveries.mark_unknown(conn, row.id, facts | {"next_attempt_at": failure.outcome.at})
        case Next.PLAIN:
            plain = {**row.facts, "plain": True}
            deliveries.mark_retry(conn, row.id, facts | {"next_attempt_at": None, "facts": plain})
        case Next.DEAD:
            payload = {"text": failure.work.message.text, "blocks": [dict(one) for one in failure.work.message.blocks]}
            deliveries.mark_dead(conn, row.id, facts | {"payload": payload})
            _tell_of_dead(conn, failure, options)
        case Next.NEW_PARENT:
            _parent_gone(conn, failure, options)
        case Next.LET_GO:
            deliveries.mark_discarded(conn, row.id, facts)
            if failure.error.code in GONE and row.target_id:
                deliveries.mark_deleted(conn, row.target_id)
        case Next.DROP:
            deliveries.mark_discarded(conn, row.id, facts)


def _parent_gone(conn: Connection, failure: Failed, options: Options) -> None:
    row = failure.work.delivery
    old = deliveries.get(conn, row.target_id) if row.target_id else None
    replaced_just_now = (
        old is not None and old.facts.get("replaces") and (failure.now - old.created_at < _SUCCESSOR_MUST_LIVE)
    )
    if old is None or replaced_just_now:
        failed(conn, replace(failure, outcome=Outcome(Next.DEAD)), options)
        return
    if row.action is Action.UPDATE:
        deliveries.mark_discarded(conn, row.id, failure.facts)
    else:
        deliveries.mark_retry(conn, row.id, failure.facts | {"next_attempt_at": None})
    new_parent(conn, old, failure.now, options)


def new_parent(conn: Connection, old: Delivery, now: datetime, options: Options) -> None:
    """The storyline's message is gone: one successor, in whose thread the waiting replies go."""
    new = Delivery(
        id=options.new_id(),
        receiver=old.receiver,
        role=Role.PARENT,
        action=Action.POST,
        created_at=now,
        alert_id=old.alert_id,
        story_id=old.story_id,
        storyline_id=old.storyline_id,
        facts={"replaces": old.id},
    )
    deliveries.replace_parent(conn, old, new)


def _tell_of_dead(conn: Connection, failure: Failed, options: Options) -> None:
    row, code = failure.work.delivery, failure.error.code
    if row.role is Role.NOTICE:
        return
    facts = {
        "title": f"A message to {row.receiver} could not be delivered",
        "text": f"{code}, after {counted(row.attempts, 'attempt')}. It says: {_said(failure.work.message)}",
        "remedy": f"`licensewatch deliveries list --state dead` shows it; {remedy(code)}",
    }
    deliveries.enqueue(conn, dispatch.notice(facts, options.ops, failure.now, options.new_id))


def _said(message: Message) -> str:
    """The beginning of a message as people would read it: its text is escaped for Slack."""
    text = html.unescape(message.text)
    return text if len(text) <= _ENOUGH else f"{text[:_ENOUGH]}…"


# --- unclear outcomes ----------------------------------------------------------------------------------------------


def found(conn: Connection, rows: Sequence[Delivery], places: Mapping[str, Receipt], now: datetime) -> None:
    """These stand in the channel: they were sent."""
    for row in rows:
        place = places[row.id]
        deliveries.mark_sent(conn, row.id, now, channel=place.channel or row.channel, ts=place.ts)


def not_found(conn: Connection, rows: Sequence[Delivery], again_at: datetime, *, drop: bool) -> None:
    """One full look without finding them; after the second they were not sent."""
    for row in rows:
        if row.scans < 1:
            deliveries.mark_scanned(conn, row.id, again_at)
        else:
            unsettled(conn, [row], drop=drop)


def unsettled(conn: Connection, rows: Sequence[Delivery], *, drop: bool) -> None:
    """Nobody can tell (any more) whether they were sent: once more, or never."""
    for row in rows:
        if drop and row.action is Action.POST:
            deliveries.mark_discarded(conn, row.id, {"last_error": "unclear outcome, and on_ambiguous is drop"})
        else:
            deliveries.mark_retry(conn, row.id, {"next_attempt_at": None})


def look_later(conn: Connection, rows: Sequence[Delivery], at: datetime) -> None:
    for row in rows:
        deliveries.mark_unknown(conn, row.id, {"next_attempt_at": at})
