"""Whether the service can do its work right now, with the reasons why not."""

from __future__ import annotations

from monitor.web.asked import Pulse
from monitor.web.picture import OVERDUE, Vitals, canary_fault

SLOW_TICK_S = 15.0  # ticks come every second
SLOW_DELIVERIES_S = 60.0  # one pass may wait for a receiver that takes its time


def stopped(pulse: Pulse, vitals: Vitals) -> list[str]:
    """Why it does not work at all, in words; nothing when it does."""
    found = of_process(pulse)
    if not vitals.running:
        found.append("no tick was written to the database for half a minute")
    return found


def of_process(pulse: Pulse) -> list[str]:
    """What the process itself says against being ready."""
    found = []
    if pulse.tick_s > SLOW_TICK_S:
        found.append(f"the last tick was {pulse.tick_s:.0f} s ago: polling stands still")
    if pulse.deliveries_s > SLOW_DELIVERIES_S:
        found.append(f"deliveries stand still for {pulse.deliveries_s:.0f} s, all or those to one place: see the log")
    if not pulse.store_ok:
        found.append("the database refuses commits: what polls find waits in memory")
    return found


def reasons(pulse: Pulse, vitals: Vitals) -> list[str]:
    """Why it cannot do its work now, in words: not working at all, or an outbox that does not move."""
    found = stopped(pulse, vitals)
    fault = canary_fault(vitals)
    if fault:
        found.append(fault)
    found += [
        f"receiver {one.name} is parked: {one.parked_code}" for one in vitals.receivers.values() if one.parked_scope
    ]
    if vitals.oldest_due is not None and vitals.now - vitals.oldest_due > OVERDUE:
        found.append(f"the outbox does not move: a delivery is due since {vitals.oldest_due:%Y-%m-%d %H:%M} UTC")
    return found
