"""Acting from Slack: a websocket for every app token that receivers name, opened again whenever it is lost.

Optional throughout: without an app token there is nothing to listen to, and with a refused one alerts go on.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

import structlog

from monitor import clock
from monitor.alerts import acting, render
from monitor.alerts.receivers import SlackReceiver
from monitor.alerts.slack_check import app_remedy
from monitor.alerts.slack_socket import Answer, SlackSocket
from monitor.daemon.answers import House, asked, pressed
from monitor.errors import DeliveryError, DeliveryScope, StoreError
from monitor.model import Command, Press
from monitor.settings import Configuration
from monitor.store import facts
from monitor.store.engine import Connection

PROBLEM = "acting_problem"
_LOOK_S = 2.0  # so soon a new, a changed or a removed token is noticed
_LONGEST_WAIT_S = 60.0
_REFUSED_WAIT_S = 300.0
_STEADY_S = 30.0  # a connection that lasted so long was a good one
_PATIENCE_S = 60.0  # for a database that refuses
_REMEMBERED = 1_000

log = structlog.get_logger("acting")


T = TypeVar("T")


class Ground(Protocol):
    """What acting stands on: the service of a daemon, or whatever else keeps a configuration and a database."""

    @property
    def configuration(self) -> Configuration: ...

    def app_token(self, name: str) -> str | None: ...

    def new_id(self) -> str: ...

    async def in_database(self, work: Callable[[Connection], T]) -> T: ...

    async def reading(self, work: Callable[[Connection], T]) -> T: ...


class Place(NamedTuple):
    """Where to connect, and the name of the credential to connect with."""

    api_url: str
    credential: str


class Acting:
    """Listens for one database. `run` lasts until it is cancelled."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._listening: dict[Place, asyncio.Task[None]] = {}
        self._problems: dict[Place, str] = {}
        self._told: str | None = None
        self._commands: OrderedDict[str, None] = OrderedDict()

    async def run(self) -> None:
        try:
            while True:
                wanted = self._wanted()
                for place in wanted - self._listening.keys():
                    self._listening[place] = asyncio.create_task(self._listen(place), name=f"listen {place.credential}")
                for place in [one for one, task in self._listening.items() if one not in wanted or task.done()]:
                    await self._end(place)
                await self._tell_of_problems()
                await asyncio.sleep(_LOOK_S)
        finally:
            for place in list(self._listening):
                await self._end(place)

    def _wanted(self) -> set[Place]:
        receivers = self._ground.configuration.settings.receivers
        places = {Place(one.api_url, one.app_credential) for one in receivers if isinstance(one, SlackReceiver)}
        return {place for place in places if self._token(place)}

    def _token(self, place: Place) -> str | None:
        return self._ground.app_token(place.credential)

    async def _end(self, place: Place) -> None:
        task = self._listening.pop(place)
        task.cancel()
        [outcome] = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, Exception):
            log.error("listener met a bug", exc_info=outcome, remedy="listening again")
        self._problems.pop(place, None)

    # --- one connection after the other ----------------------------------------------------------------------------

    async def _listen(self, place: Place) -> None:
        failures = 0
        while True:
            token, began = self._token(place), clock.monotonic()
            if token is None:
                return
            wait = await self._connected(place, token)
            failures = 0 if clock.monotonic() - began > _STEADY_S else failures + 1
            await self._rest(place, token, wait or min(2.0 ** (failures - 1) if failures else 0.0, _LONGEST_WAIT_S))

    async def _connected(self, place: Place, token: str) -> float:
        """One connection, to its end. Returned: how long Slack or reason asks to wait; 0: no longer than usual."""
        socket = SlackSocket(place.api_url, token, self._decide)
        try:
            await socket.open()
            self._problems.pop(place, None)
            log.info("listener connected", credential=place.credential)
            ended = asyncio.ensure_future(socket.ended())
            while not ended.done() and self._token(place) == token:
                await asyncio.wait({ended}, timeout=_LOOK_S)
            ended.cancel()
            log.info("listener disconnected", credential=place.credential)
        except DeliveryError as error:
            refused = error.scope is DeliveryScope.CREDENTIAL
            (log.error if refused else log.warning)("listener refused", code=error.code, error=str(error))
            self._problems[place] = (
                f"buttons and commands in Slack do not work ({place.credential}: {error}): {app_remedy(error.code)}"
            )
            return _REFUSED_WAIT_S if refused else error.retry_after.total_seconds() if error.retry_after else 0.0
        finally:
            await socket.close()
        return 0.0

    async def _rest(self, place: Place, token: str, seconds: float) -> None:
        """Wait, but no longer than the token stays what it is."""
        end = clock.monotonic() + seconds
        while (left := end - clock.monotonic()) > 0:
            if self._token(place) != token:
                return
            await asyncio.sleep(min(left, _LOOK_S))

    async def _tell_of_problems(self) -> None:
        problem = "; ".join(sorted(self._problems.values()))
        if problem == self._told:
            return
        try:
            await self._ground.in_database(lambda conn: facts.set(conn, PROBLEM, problem, clock.now()))
        except StoreError:
            return  # told in two seconds; the store has its own voice
        self._told = problem

    # --- what came in ----------------------------------------------------------------------------------------------

    async def _decide(self, kind: str, payload: Mapping[str, Any]) -> Answer | None:
        come = acting.read(kind, payload)
        match come:
            case Press():
                lines = await self._written(come)
            case Command() if self._heard_before(come.key):
                return None
            case Command():
                lines = await self._looked_up(come)
            case _:
                log.warning("press not understood", kind=str(kind)[:40])
                return None
        return None if lines is None else Answer(come.answer_url, render.aside(lines))

    async def _written(self, press: Press) -> tuple[str, ...] | None:
        house = House([one.name for one in self._ground.configuration.settings.receivers], self._ground.new_id)
        end = clock.monotonic() + _PATIENCE_S
        while True:
            try:
                return await self._ground.in_database(lambda conn: pressed(conn, press, house, clock.now()))
            except StoreError as error:
                log.error("press not stored", error=str(error), press=str(press.verb))
                if clock.monotonic() > end:
                    return ("Nothing was done: the database could not be written. Please press it again later.",)
                await asyncio.sleep(1.0)

    async def _looked_up(self, command: Command) -> tuple[str, ...]:
        ground, now = self._ground, clock.now()
        try:
            return await ground.reading(lambda conn: asked(conn, command.words, ground.configuration, now))
        except StoreError as error:
            return (f"The database cannot be read: {error}",)

    def _heard_before(self, key: str) -> bool:
        """Commands only read, so what is forgotten at a restart is answered twice at worst."""
        known = key in self._commands
        self._commands[key] = None
        while len(self._commands) > _REMEMBERED:
            self._commands.popitem(last=False)
        return known
