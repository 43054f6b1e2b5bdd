"""Ticks that stopped are told to operations: while the process lives, and at the next start when it did not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.store import facts
from monitor.store.alone import tell_alone
from monitor.store.engine import Connection

STILL_S = 60.0  # ticks come every second
_STANDS = "stands_still"  # among many: since when, once operations were told
LONG = timedelta(minutes=5)  # a shorter gap is a restart


@dataclass
class Standstill:
    """Whether operations know that polls stand still. `since`: a standstill of which they could not be told."""

    told: bool = False
    since: datetime | None = None

    def notice(self, age_s: float, now: datetime) -> dict[str, str] | None:
        """What to tell when the last tick is so old; None: nothing new. Say `said` once it is written down."""
        if age_s > STILL_S and not self.told:
            self.since = now - timedelta(seconds=age_s)
            return {
                "title": "Polling stands still",
                "text": f"The last tick was {age_s:.0f} s ago, though the process lives.",
                "remedy": "The log says what the tick waits for; `systemctl restart licensewatch` loses nothing.",
            }
        if age_s <= STILL_S and self.told:
            return {"title": "Polling goes on", "text": "Ticks come again. What feeds brought meanwhile is not lost."}
        if self.since is not None and not self.told:  # what stopped it, a locked database say, stopped the notice too
            return {
                "title": "Polling stood still, and goes on",
                "text": f"No tick from {self.since:%Y-%m-%d %H:%M} UTC until now ({now:%H:%M} UTC). What feeds brought "
                "meanwhile is not lost.",
                "remedy": "The log says what the ticks waited for.",
            }
        return None

    def said(self, age_s: float) -> None:
        """The notice of that age is written down."""
        self.told, self.since = age_s > STILL_S, None


def among_many(conn: Connection, now: datetime, up: timedelta) -> dict[str, str] | None:
    """What to tell when the leader's ticks stand still, or come again, and no other process told it; None: nothing.

    That is noted down. `up`: for how long this process runs; what came before is told at a start (`gap`).
    """
    tick = facts.set_at(conn, "last_tick")
    still = tick is not None and min(now - tick, up).total_seconds() > STILL_S
    if still is (facts.get(conn, _STANDS) is not None):
        return None
    tell_alone(conn)
    since = facts.get(conn, _STANDS)
    if still is (since is not None):
        return None  # another was faster
    if not still or tick is None:
        facts.forget(conn, _STANDS)
        return {"title": "Polling goes on", "text": "Ticks come again. What feeds brought meanwhile is not lost."}
    facts.set(conn, _STANDS, tick.isoformat(), now)
    return {
        "title": "Polling stands still",
        "text": f"No worker found out what is due since {tick:%Y-%m-%d %H:%M} UTC, though workers live.",
        "remedy": "The log of the leader (`licensewatch status` names it) says what it waits for; to restart it loses "
        "nothing, and another leads meanwhile.",
    }


def gap(conn: Connection, now: datetime) -> dict[str, str] | None:
    """At a start: what to tell of the time since the last tick, when nobody had stopped the process."""
    tick, stopped = facts.set_at(conn, "last_tick"), facts.set_at(conn, "stopped")
    if tick is None or (stopped is not None and stopped >= tick) or now - tick < LONG:
        return None
    since = f"{tick:%Y-%m-%d %H:%M} UTC"
    return {
        "title": "It stood still, and runs again",
        "text": f"No tick from {since} until now ({now:%H:%M} UTC), and nobody had stopped it. Feeds are polled now.",
        "remedy": "The log (`journalctl -u licensewatch`) says how it ended.",
    }
