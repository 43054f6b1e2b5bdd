"""A lane: one channel, its order and its pace. One attempt at a time, in the order of first attempts.

An attempt is: `sending` committed, one call, its outcome committed. Lanes know nothing of each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from monitor.alerts.outcome import BUG, PARK_RETRY, Next, Outcome, after_failure, scope_of
from monitor.alerts.receivers import WITHOUT_CREDENTIAL, Receipt, Receiver, ReceiverSettings, SlackReceiver, sharing
from monitor.deliver import late, parking, steps
from monitor.deliver.look import Look, look
from monitor.deliver.options import Credentials, Options, build, credential_of, fingerprint, settle_of
from monitor.errors import DeliveryError, DeliveryScope, StoreError
from monitor.model import Delivery
from monitor.store import deliveries, receivers
from monitor.store.engine import Connection, Database
from monitor.store.receivers import ReceiverState
from monitor.trial import Point

log = structlog.get_logger("deliver")
T = TypeVar("T")

_LONGEST_HOLD = timedelta(minutes=1)
_NAP_S = 1.0  # a waiting lane looks this often for outcomes to settle
_AHEAD_S = 0.05  # `sending` is committed so long before its time, which costs the channel nothing then


@dataclass(slots=True)
class Ground:
    """What all lanes share; a new configuration changes it under them, between attempts."""

    database: Database
    credentials: Credentials
    options: Options
    every: Sequence[ReceiverSettings]


@dataclass(frozen=True, slots=True)
class Call:
    """The receiver that is called now. `fallback`: the console stands in for a Slack that was never connected."""

    receiver: Receiver
    secret: str | None
    fallback: bool = False


class Lane:
    """One destination. `run` works until nothing is due; call it again whenever something may be."""

    def __init__(self, settings: Sequence[ReceiverSettings], ground: Ground) -> None:
        self.settings = {one.name: one for one in settings}
        self._ground = ground
        self.attempts = 0  # that came to an end, whatever it was
        self._stopping = asyncio.Event()
        self._request_task: asyncio.Task[Receipt] | None = None
        self._knock_at = 0.0  # monotonic seconds: the receiver is not asked who we are before
        self._ready_at: float | None = None  # monotonic seconds: no message before
        self._streak = 0  # failed attempts in a row that say something about the whole destination
        self._call: Call | None = None
        self._opened = False
        self._home = ""  # where messages of this place can be linked to
        self._probation: ReceiverState | None = None  # a park that is over as soon as a message went out

    # --- the loop --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Attempt what is due, in order, until nothing is or the destination is parked."""
        while not self._stopping.is_set():
            states = await self._read(receivers.states)
            if self._ready_at is None:
                self._resume(states)
            if not await self._open_for_delivery(states):
                return
            await self._settle_unknown()
            wait = self._wait_s()
            row = await self._read(partial(self._first_due, in_seconds=wait))
            if row is None:
                await self._pass_probation()
                return
            await self._nap(min(self._wait_s() - _AHEAD_S, _NAP_S))
            # What was read before the nap still holds: `begin` refuses a row that is not pending any more.
            if wait <= _NAP_S and not self._stopping.is_set():
                await self._attempt(row)
                self.attempts += 1

    def _first_due(self, conn: Connection, *, in_seconds: float) -> Delivery | None:
        return deliveries.next_due(conn, self._names, self._now() + timedelta(seconds=in_seconds))

    def handed_over(self) -> None:
        """Another process may have posted here meanwhile: pace and Retry-After are read anew."""
        self._ready_at = None

    def stop(self) -> None:
        """Begin no further attempt."""
        self._stopping.set()

    def cut(self) -> None:
        """End the call under way; its outcome is unclear."""
        if self._request_task is not None:
            self._request_task.cancel()

    async def _nap(self, seconds: float) -> None:
        if seconds <= 0:
            return
        with suppress(TimeoutError):
            # a little longer, because timers may fire a tick early
            await asyncio.wait_for(self._stopping.wait(), seconds + 0.001)

    @property
    def _options(self) -> Options:
        return self._ground.options

    @property
    def _names(self) -> list[str]:
        return list(self.settings)

    def _resume(self, states: dict[str, ReceiverState]) -> None:
        """Pace and Retry-After hold across a restart."""
        now, mono = self._now(), self._options.monotonic()
        self._ready_at = mono
        for state in (states[name] for name in self.settings if name in states):
            if state.last_post_at is not None and abs(now - state.last_post_at) < timedelta(minutes=1):
                self._hold(self._options.pace)
            if state.retry_at is not None and state.parked_scope is None and state.retry_at > now:
                self._hold(min(state.retry_at - now, timedelta(days=1)))

    def _wait_s(self) -> float:
        return max(0.0, (self._ready_at or 0.0) - self._options.monotonic())

    def _hold(self, wait: timedelta) -> None:
        """No message to this place for so long."""
        self._ready_at = max(self._ready_at or 0.0, self._options.monotonic() + wait.total_seconds())

    # --- credentials and parks -------------------------------------------------------------------------------------

    async def _open_for_delivery(self, states: dict[str, ReceiverState]) -> bool:
        """Whether there is a receiver to call now. Parks when the credential is refused; tries a park that is over."""
        settings = next(iter(self.settings.values()))
        secret = credential_of(settings, self._ground.credentials)
        parked = next((states[name] for name in self._names if name in states and states[name].parked_scope), None)
        if parked is not None and not self._worth_a_try(parked, secret):
            await self._write(lambda conn: deliveries.park(conn, self._names))
            return False
        fallback = not isinstance(settings, WITHOUT_CREDENTIAL) and secret is None
        if not isinstance(settings, WITHOUT_CREDENTIAL) and fallback and parking.worked(self._ground.every, states):
            missing = DeliveryError(
                DeliveryScope.CREDENTIAL, "missing", f"the credential {settings.credential} is gone"
            )
            await self._park(settings, missing, secret)
            return False
        await self._use(settings, secret, fallback)
        if not self._opened and not await self._introduce(settings, secret):
            return False
        self._opened = True
        if parked is None:
            self._probation = None
        elif self._probation is None:
            # Who we are is known again; whether we may write is what the first message tells.
            self._probation = parked
            await self._write(lambda conn: deliveries.unpark(conn, self._names))
        return True

    def _worth_a_try(self, parked: ReceiverState, secret: str | None) -> bool:
        if parked.credential_hash != fingerprint(secret):
            return True
        now = self._now()
        return parked.retry_at is None or parked.retry_at <= now or parked.retry_at > now + 2 * PARK_RETRY

    async def _use(self, settings: ReceiverSettings, secret: str | None, fallback: bool) -> None:
        if self._call is not None and (self._call.secret, self._call.fallback) == (secret, fallback):
            return
        await self.close()
        self._call = Call(build(settings, secret, self._options), secret, fallback)

    async def _introduce(self, settings: ReceiverSettings, secret: str | None) -> bool:
        assert self._call is not None
        if self._options.monotonic() < self._knock_at:
            return False
        try:
            identity = await self._call.receiver.open()
        except DeliveryError as error:
            if error.scope in (DeliveryScope.CREDENTIAL, DeliveryScope.DESTINATION):
                await self._park(settings, error, secret)
                return False
            if error.scope is DeliveryScope.TRANSIENT and scope_of(error.code) is None:
                log.warning("receiver not introduced", receivers=self._names, code=error.code)
                return True  # a word nobody knows is no reason to stay silent: the message itself will tell
            # Nothing was posted: whatever broke, it is safe to ask again.
            self._stumble(error)
            self._knock_at = self._ready_at or 0.0
            log.warning("receiver unreachable", receivers=self._names, code=error.code, error=str(error))
            return False
        self._streak, self._home = 0, identity.home
        if identity.who and not self._call.fallback:
            log.info("receiver connected", receivers=self._names, bot=identity.who, team=identity.team)
        return True

    async def _park(
        self, settings: ReceiverSettings, error: DeliveryError, secret: str | None, row: Delivery | None = None
    ) -> None:
        now = self._now()
        retry_at = now + (error.retry_after or self._options.park_retry)
        refusal = parking.Refusal(settings, error, now, retry_at, fingerprint(secret), row)
        every = self._ground.every
        fresh = await self._write(lambda conn: parking.park(conn, refusal, every, self._options))
        if fresh:
            log.error("receiver parked", receivers=fresh, scope=str(error.scope), code=error.code, error=str(error))
        self._probation = None
        await self.close()

    async def _pass_probation(self) -> None:
        """A message went out, or there is none to go: let everything go that shared the park, and say so."""
        parked, self._probation = self._probation, None
        if parked is None:
            return
        settings = next(iter(self.settings.values()))
        names = sharing(settings, str(parked.parked_scope), self._ground.every)
        freed = await self._write(lambda conn: parking.unpark(conn, names, self._now(), self._options))
        if freed:  # another lane of the same park may have been first
            log.info("receiver unparked", receivers=freed, was=parked.parked_code)

    # --- one attempt -----------------------------------------------------------------------------------------------

    async def _attempt(self, row: Delivery) -> None:
        call, settings = self._call, self.settings[row.receiver]
        assert call is not None
        threaded = isinstance(settings, SlackReceiver) and not call.fallback
        acting = isinstance(settings, SlackReceiver) and threaded and self._options.acting(settings)
        start = steps.Start(row, self._now(), call.receiver.now(), threaded, acting, self._home)
        try:
            work = await self._write(lambda conn: steps.begin(conn, start, self._options))
        except StoreError:
            raise
        except Exception as bug:
            log.exception("delivery met a bug", receiver=row.receiver, delivery=row.id)
            await self._write(partial(steps.tripped, start=start, bug=bug, options=self._options))
            return
        if work is None:
            return
        self._options.reached(Point.SEND_COMMITTED)
        try:
            await asyncio.sleep(self._wait_s() + 0.001)  # timers may fire a tick early
            receipt = await self._request(call, work)
        except DeliveryError as error:
            self._hold(self._options.pace)
            await self._failed(work, error, settings)
            return
        except BaseException:
            # We are cancelled: the message may stand there, and nothing may stay in `sending`.
            await self._write(lambda conn: steps.look_later(conn, [work.delivery], self._now()))
            raise
        self._hold(self._options.pace)
        self._streak = 0
        self._options.reached(Point.SEND_ANSWERED)
        now, proven = self._now(), not call.fallback
        sent = steps.Sent(work.delivery, receipt, now, proven)
        ours = await self._write(lambda conn: self._succeeded(conn, sent))
        self._options.reached(Point.SENT_COMMITTED)
        await self._pass_probation()
        if not ours:
            await late.withdraw(late.Doubled(work.delivery, receipt), call.receiver, self._read, self._nap)
            return
        log.info("delivery sent", receiver=row.receiver, role=str(row.role), action=str(row.action), delivery=row.id)

    def _succeeded(self, conn: Connection, sent: steps.Sent) -> bool:
        ours = steps.succeeded(conn, sent, self._options)
        self._options.reached(Point.SENT_RECORDED)
        return ours

    async def _request(self, call: Call, work: steps.Work) -> Receipt:
        self._request_task = asyncio.create_task(_call(call.receiver, work))
        try:
            return await self._request_task
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                raise
            raise DeliveryError(DeliveryScope.AMBIGUOUS, "process_died", "we were stopped before the answer") from None
        except DeliveryError:
            raise
        except Exception as bug:
            log.exception("delivery met a bug", receiver=work.delivery.receiver, delivery=work.delivery.id)
            raise DeliveryError(DeliveryScope.AMBIGUOUS, BUG, f"{type(bug).__name__}, a fault of ours") from None
        finally:
            self._request_task = None

    async def _failed(self, work: steps.Work, error: DeliveryError, settings: ReceiverSettings) -> None:
        now, row = self._now(), work.delivery
        log.warning(
            "delivery failed",
            receiver=row.receiver,
            role=str(row.role),
            delivery=row.id,
            scope=str(error.scope),
            code=error.code,
            error=str(error),
        )
        self._options.reached(Point.FAILED)
        outcome = after_failure(row, error, settle=settle_of(settings), now=now)
        if outcome.next is Next.PARK:
            await self._park(settings, error, self._call.secret if self._call else None, row)
            return
        if outcome.next is Next.LOOK:
            outcome = _unclear(outcome, settings)
        if error.scope in (DeliveryScope.TRANSIENT, DeliveryScope.AMBIGUOUS):
            self._stumble(error, outcome)
        failure = steps.Failed(work, error, outcome, now)
        until = now + error.retry_after if error.retry_after else None
        await self._write(lambda conn: self._record(conn, failure, until))
        self._options.reached(Point.FAILURE_COMMITTED)

    def _record(self, conn: Connection, failure: steps.Failed, until: datetime | None) -> None:
        steps.failed(conn, failure, self._options)
        if until is not None:
            receivers.wait(conn, self._names, until)
        self._options.reached(Point.FAILURE_RECORDED)

    def _stumble(self, error: DeliveryError, outcome: Outcome | None = None) -> None:
        """What may fail for everybody makes everybody wait: longer each time, at least as long as was asked."""
        self._streak += 1
        longer = timedelta(seconds=2 ** min(self._streak - 1, 10))
        if error.retry_after is not None:
            self._hold(error.retry_after)
        elif outcome is None or (error.scope is DeliveryScope.AMBIGUOUS and self._streak > 1):
            self._hold(min(longer, _LONGEST_HOLD))
        elif outcome.lane_waits is not None:
            self._hold(min(outcome.lane_waits, _LONGEST_HOLD))

    # --- unclear outcomes ------------------------------------------------------------------------------------------

    async def _settle_unknown(self) -> None:
        rows = await self._read(lambda conn: deliveries.unknown_due(conn, self._names, self._now()))
        if not rows or self._call is None:
            return
        try:
            await look(rows, Look(self._call.receiver, self.settings, self._options, self._write))
        except DeliveryError as error:
            settings = self.settings[rows[0].receiver]
            await self._park(settings, error, self._call.secret)

    # --- small things ----------------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return self._options.now()

    async def _read(self, step: Callable[[Connection], T]) -> T:
        def work() -> T:
            with self._ground.database.read() as conn:
                return step(conn)

        return await asyncio.to_thread(work)

    async def _write(self, step: Callable[[Connection], T]) -> T:
        """One transaction, whole even when we are cancelled. While the database refuses, wait: what was answered
        must be written down before anything else is sent."""

        def work() -> T:
            with self._ground.database.write() as conn:
                return step(conn)

        while True:
            try:
                return await asyncio.shield(asyncio.to_thread(work))
            except StoreError as error:
                log.error("delivery not stored", receivers=self._names, error=str(error))
                if self._stopping.is_set():
                    raise
                await self._nap(_NAP_S)

    async def close(self) -> None:
        """Close the connection; the next run opens another."""
        call, self._call, self._opened = self._call, None, False
        if call is not None:
            await call.receiver.close()


async def _call(receiver: Receiver, work: steps.Work) -> Receipt:
    if work.posting is not None:
        return await receiver.send(work.message, work.posting)
    assert work.receipt is not None
    return await receiver.update(work.message, work.receipt)


def _unclear(outcome: Outcome, settings: ReceiverSettings) -> Outcome:
    """What the receiver's `on_ambiguous` makes of an unclear outcome."""
    wanted = "resend" if isinstance(settings, WITHOUT_CREDENTIAL) else settings.on_ambiguous
    if isinstance(settings, SlackReceiver) and wanted != "resend":
        return outcome  # look first: even `drop` need not guess where history can be read
    return replace(outcome, next=Next.RETRY if wanted == "resend" else Next.DROP)
