"""An alert becomes deliveries: what to post and what to edit at each receiver.

Pure. A message shows the storyline as it is when it is sent, so whatever waits needs no second edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from monitor.alerts.decide import AlertPolicy, delivered_from
from monitor.alerts.receivers import ReceiverSettings, SlackReceiver, policy_of
from monitor.model import Action, Alert, Delivery, DeliveryState, Reason, Role, Severity, Thread

MOVES = frozenset(
    {
        Reason.NEW_STORY_IN_STORYLINE,
        Reason.STAGE_MOVED,
        Reason.DIRECTION_CHANGED,
        Reason.DENIED,
        Reason.DELAYED,
        Reason.PRIMARY_SOURCE,
    }
)
# Edits of what stands there tell nobody, so a repeat and a muted move still bring the message up to date.
EDITS = frozenset({Reason.REPEAT, Reason.EDITED, Reason.MUTED})

_NOT_YET_RENDERED = frozenset({DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.PARKED})
_NEVER_POSTED = frozenset({DeliveryState.DEAD, DeliveryState.DISCARDED})


@dataclass(frozen=True, slots=True)
class Ids:
    """The rows that an alert is about. `said`: what its entry says, for a move (entry_id, evidence, marks)."""

    alert_id: int | None = None
    story_id: int | None = None
    storyline_id: int | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipients:
    """Who may be told: `routed` by the routes, `known` by the configuration, `threads` they hold already.

    `policy` and each receiver's own hours say when new messages may go; `held` ones wait for a person.
    """

    routed: tuple[str, ...]
    known: Mapping[str, ReceiverSettings]
    threads: Mapping[str, Thread] = field(default_factory=dict)
    policy: AlertPolicy = field(default_factory=AlertPolicy)
    held: bool = False


def dispatch(
    alert: Alert, ids: Ids, recipients: Recipients, now: datetime, new_id: Callable[[], str]
) -> tuple[Delivery, ...]:
    """Deliveries of an alert in the order they are to be tried; none for a suppression that edits nothing.

    A move, or another story of a storyline that stands there already, is a broadcast reply and an edit of the parent;
    a repeat is two edits, and so is a publisher's own edit of what was told. A receiver that holds no message of the
    storyline yet gets the parent instead. One that cannot edit gets nothing while its message has not gone.
    """
    return tuple(
        delivery
        for name in _receivers(alert, recipients)
        for delivery in _for_receiver(_Draft(alert, name, ids, recipients, now, new_id))
    )


def hurried(alert: Alert, recipients: Recipients, now: datetime) -> tuple[str, ...]:
    """Ids of messages that wait for quiet hours to end, though their storyline has news now that may go at once.

    A reply cannot go before the message it replies to, so what is excepted from quiet hours takes that along.
    """
    if recipients.held or not _tells(alert):
        return ()
    found = []
    for name in _receivers(alert, recipients):
        thread = recipients.threads.get(name)
        policy = policy_of(recipients.known[name], recipients.policy)
        if (
            thread
            and thread.parent_state is DeliveryState.PENDING
            and delivered_from(policy, alert.severity, now) <= now
        ):
            found.append(thread.parent_id)
    return tuple(found)


def due_now(role: Role, severity: Severity, receiver: ReceiverSettings, policy: AlertPolicy, now: datetime) -> datetime:
    """From when a message that waits for its hour may go, by the settings of now. Notices come in no digest."""
    hours = policy_of(receiver, policy)
    return delivered_from(replace(hours, digest=None) if role is Role.NOTICE else hours, severity, now)


def held_notice(
    held: Alert, facts: Mapping[str, Any], ops: Recipients, now: datetime, new_id: Callable[[], str]
) -> tuple[Delivery, ...]:
    """The one message that says that alerts are held: it stands for them, so it keeps their quiet hours."""
    made = notice({**facts, "severity": str(held.severity)}, ops.routed, now, new_id)
    return tuple(_in_its_hour(one, held.severity, ops, now) for one in made)


def _in_its_hour(one: Delivery, severity: Severity, ops: Recipients, now: datetime) -> Delivery:
    receiver = ops.known.get(one.receiver)
    due = now if receiver is None else due_now(one.role, severity, receiver, ops.policy, now)
    return replace(one, next_attempt_at=due if due > now else None)


def notice(
    facts: Mapping[str, Any], receivers: Iterable[str], now: datetime, new_id: Callable[[], str]
) -> tuple[Delivery, ...]:
    """One operations message to each receiver. `facts`: title, text, and remedy where there is one."""
    return tuple(
        Delivery(id=new_id(), receiver=name, role=Role.NOTICE, action=Action.POST, created_at=now, facts=dict(facts))
        for name in receivers
    )


def refresh(ids: Ids, threads: Mapping[str, Thread], now: datetime, new_id: Callable[[], str]) -> tuple[Delivery, ...]:
    """Edits that bring what stands of a storyline up to date, though nothing was reported: somebody acted on it."""
    return tuple(
        Delivery(
            id=new_id(),
            receiver=name,
            role=Role.PARENT,
            action=Action.UPDATE,
            created_at=now,
            story_id=ids.story_id,
            storyline_id=ids.storyline_id,
            target_id=thread.parent_id,
        )
        for name, thread in threads.items()
        if thread.parent_state not in _NOT_YET_RENDERED | _NEVER_POSTED and thread.parent_id not in thread.waiting
    )


def _receivers(alert: Alert, recipients: Recipients) -> Iterator[str]:
    tells, edits = _tells(alert), alert.reason in EDITS
    routed = recipients.routed if tells else ()
    holding = recipients.threads if tells or edits else ()
    for name in dict.fromkeys((*routed, *holding)):
        if name in recipients.known:
            yield name


def _tells(alert: Alert) -> bool:
    return alert.reason in MOVES or alert.reason in (Reason.NEW_STORY, Reason.HELD)


@dataclass(frozen=True, slots=True)
class _Draft:
    alert: Alert
    name: str
    ids: Ids
    recipients: Recipients
    now: datetime
    new_id: Callable[[], str]

    @property
    def settings(self) -> ReceiverSettings:
        return self.recipients.known[self.name]

    @property
    def policy(self) -> AlertPolicy:
        return policy_of(self.settings, self.recipients.policy)

    @property
    def thread(self) -> Thread | None:
        thread = self.recipients.threads.get(self.name)
        return None if thread is None or thread.parent_state in _NEVER_POSTED else thread

    def post(self, role: Role, target_id: str | None = None) -> Delivery:
        """A new message: it may have to wait for the end of quiet hours, for a digest, or for a person."""
        held = self.recipients.held or self.alert.reason is Reason.HELD
        due = delivered_from(self.policy, self.alert.severity, self.now)
        return replace(
            self.edit(role, target_id),
            action=Action.POST,
            state=DeliveryState.HELD if held else DeliveryState.PENDING,
            next_attempt_at=due if due > self.now and not held else None,
        )

    def edit(self, role: Role, target_id: str | None) -> Delivery:
        """An edit rings nobody's phone: it goes at once."""
        return Delivery(
            id=self.new_id(),
            receiver=self.name,
            role=role,
            action=Action.UPDATE,
            created_at=self.now,
            alert_id=self.ids.alert_id,
            story_id=self.ids.story_id,
            storyline_id=self.ids.storyline_id,
            target_id=target_id,
        )


def _for_receiver(draft: _Draft) -> Iterator[Delivery]:
    alert, thread = draft.alert, draft.thread
    tells = alert.reason not in EDITS
    facts = {"reason": str(alert.reason), "line": alert.line, "story_id": draft.ids.story_id, **draft.ids.said}
    if thread is None and draft.policy.digest is not None:
        if tells:
            yield replace(draft.post(Role.DIGEST), facts=facts)
        return
    if thread is None:
        if tells:
            yield draft.post(Role.PARENT)
        return
    threaded = isinstance(draft.settings, SlackReceiver)
    # Where nothing can be edited the message says how things stand when it goes: a follow-up would say it twice.
    if tells and (threaded or thread.parent_state not in _NOT_YET_RENDERED):
        yield replace(draft.post(Role.MOVE, thread.parent_id), broadcast=threaded, facts=facts)
    if threaded:
        yield from _edits(draft, thread)


def _edits(draft: _Draft, thread: Thread) -> Iterator[Delivery]:
    if thread.parent_state not in _NOT_YET_RENDERED and thread.parent_id not in thread.waiting:
        yield draft.edit(Role.PARENT, thread.parent_id)
    dropped = thread.coverage_state is DeliveryState.DISCARDED and not thread.coverage_deleted
    if thread.coverage_id is None or dropped:  # what a person dropped was the list of a re-issued feed
        if draft.alert.reason is Reason.REPEAT:
            yield draft.post(Role.COVERAGE, thread.parent_id)
        return
    rendered = thread.coverage_state not in _NOT_YET_RENDERED | _NEVER_POSTED
    if rendered and not thread.coverage_deleted and thread.coverage_id not in thread.waiting:
        yield draft.edit(Role.COVERAGE, thread.coverage_id)
