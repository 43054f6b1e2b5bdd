"""A process that does nothing but deliver, for tests that kill it: `worker.py DATABASE_URL API_URL`."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from monitor.alerts.receivers import SlackReceiver
from monitor.deliver import Deliverer, Options
from monitor.model import Stage
from monitor.store.engine import Database
from tests.alerts.world import moved, storyline


def latest(_conn: object, number: int) -> object:
    """Any storyline may have moved by now: what is shown does not matter to the judge."""
    return moved(storyline(number, outlets=4), Stage.ANNOUNCED, "Announced", "Techsight", timedelta(days=1))


async def main(url: str, api_url: str) -> None:
    settings = [
        SlackReceiver(name=name, channel=channel, api_url=api_url, settle=timedelta(seconds=0.2))
        for name, channel in (("licensing", "C1"), ("second", "C2"))
    ]
    options = Options(pace=timedelta(milliseconds=20), timeout=timedelta(seconds=1), storyline=latest)  # type: ignore[arg-type]
    one = Deliverer(Database(url), settings, lambda _name: "xoxb-test", options)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        await one.drain_due()
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
