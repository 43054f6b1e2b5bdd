"""An alert becomes deliveries: what to post and what to edit at each receiver.

Pure. A message shows the storyline as it is when it is sent, so whatever waits needs no second edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from monitor.alerts.receivers import ReceiverSettings, SlackReceiver
from monitor.model import Action, Alert, Delivery, DeliveryState, Reason, Role, Thread

MOVES = frozenset(
    {
        Reason.NEW_STORY_IN_STORYLINE,
        Reason.STAGE_MOVED,
        Reason.DIRECTION_CHANGED,
        Reason.DENIED,
        Reason.PRIMARY_SOURCE,
    }
)
# Edits of what stands there tell nobody, so a repeat and a muted move still bring the message up to date.
EDITS = frozenset({Reason.REPEAT, Reason.MUTED})

_NOT_YET_RENDERED = frozenset({DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.PARKED})
_NEVER_POSTED = frozenset({DeliveryState.DEAD, DeliveryState.DISCARDED})


@dataclass(frozen=True, slots=True)
class Ids:
    """The rows that an alert is about."""

    alert_id: int | None = None
    story_id: int | None = None
    storyline_id: int | None = None


@dataclass(frozen=True, slots=True)
class Recipients:
    """Who may be told: `routed` by the routes, `known` by the configuration, `threads` they hold already.

    `not_before`: when a receiver's quiet hours or digest let a new message go.
    """

    routed: tuple[str, ...]
    known: Mapping[str, ReceiverSettings]
    threads: Mapping[str, Thread] = field(default_factory=dict)
    not_before: Mapping[str, datetime] = field(default_factory=dict)


def dispatch(
    alert: Alert, ids: Ids, recipients: Recipients, now: datetime, new_id: Callable[[], str]
) -> tuple[Delivery, ...]:
    """Deliveries of an alert in the order they are to be tried; none for a suppression that edits nothing.

    A new story is posted; a move is a broadcast reply and an edit of the parent; a repeat is two edits. A receiver
    that holds no message of the storyline yet gets the parent instead.
    """
    return tuple(
        delivery
        for name in _receivers(alert, recipients)
        for delivery in _for_receiver(alert, _Draft(name, ids, recipients, now, new_id))
    )


def notice(
    facts: Mapping[str, Any], receivers: Iterable[str], now: datetime, new_id: Callable[[], str]
) -> tuple[Delivery, ...]:
    """One operations message to each receiver. `facts`: title, text, and remedy where there is one."""
    return tuple(
        Delivery(id=new_id(), receiver=name, role=Role.NOTICE, action=Action.POST, created_at=now, facts=dict(facts))
        for name in receivers
    )


def _receivers(alert: Alert, recipients: Recipients) -> Iterator[str]:
    tells = alert.reason in MOVES or alert.reason in (Reason.NEW_STORY, Reason.HELD)
    edits = alert.reason in EDITS
    routed = recipients.routed if tells else ()
    holding = recipients.threads if tells or edits else ()
    for name in dict.fromkeys((*routed, *holding)):
        if name in recipients.known:
            yield name


@dataclass(frozen=True, slots=True)
class _Draft:
    name: str
    ids: Ids
    recipients: Recipients
    now: datetime
    new_id: Callable[[], str]

    @property
    def settings(self) -> ReceiverSettings:
        return self.recipients.known[self.name]

    @property
    def thread(self) -> Thread | None:
        thread = self.recipients.threads.get(self.name)
        return None if thread is None or thread.parent_state in _NEVER_POSTED else thread

    def delivery(self, role: Role, action: Action, target_id: str | None = None) -> Delivery:
        return Delivery(
            id=self.new_id(),
            receiver=self.name,
            role=role,
            action=action,
            created_at=self.now,
            next_attempt_at=self.recipients.not_before.get(self.name) if action is Action.POST else None,
            alert_id=self.ids.alert_id,
            story_id=self.ids.story_id,
            storyline_id=self.ids.storyline_id,
            target_id=target_id,
        )


def _for_receiver(alert: Alert, draft: _Draft) -> Iterator[Delivery]:
    state = DeliveryState.HELD if alert.reason is Reason.HELD else DeliveryState.PENDING
    thread = draft.thread
    if thread is None:
        if alert.reason not in EDITS and draft.name in draft.recipients.routed:
            yield replace(draft.delivery(Role.PARENT, Action.POST), state=state)
        return
    threaded = isinstance(draft.settings, SlackReceiver)
    if alert.reason not in EDITS and alert.reason is not Reason.NEW_STORY:
        move = draft.delivery(Role.MOVE, Action.POST, thread.parent_id)
        facts = {"reason": str(alert.reason), "line": alert.line, "story_id": draft.ids.story_id}
        yield replace(move, state=state, broadcast=threaded, facts=facts)
    if threaded:
        yield from _edits(alert, draft, thread)


def _edits(alert: Alert, draft: _Draft, thread: Thread) -> Iterator[Delivery]:
    if thread.parent_state not in _NOT_YET_RENDERED and thread.parent_id not in thread.waiting:
        yield draft.delivery(Role.PARENT, Action.UPDATE, thread.parent_id)
    if thread.coverage_id is None:
        if alert.reason is Reason.REPEAT:
            yield draft.delivery(Role.COVERAGE, Action.POST, thread.parent_id)
        return
    rendered = thread.coverage_state not in _NOT_YET_RENDERED | _NEVER_POSTED
    if rendered and not thread.coverage_deleted and thread.coverage_id not in thread.waiting:
        yield draft.delivery(Role.COVERAGE, Action.UPDATE, thread.coverage_id)
