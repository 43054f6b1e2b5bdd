"""Messages that wait for their hour follow the settings of now, whichever they were written under."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from monitor.alerts.decide import AlertPolicy, Digest, QuietHours
from monitor.alerts.receivers import SlackReceiver
from monitor.daemon import policy as policies
from monitor.model import DeliveryState, Role, Severity
from monitor.store import deliveries
from monitor.store.engine import Database
from tests.poll.house import CLOSING, House, item

NIGHT = QuietHours(from_=time(22), to=time(7))
LABS = ["Meta", "OpenAI", "Google", "Anthropic", "Mistral", "Cohere", "DeepSeek", "Baidu"]


def at_night(database: Database, alerts: AlertPolicy, *titles: str, **receiver: Any) -> House:
    house = House(database, alerts=alerts)
    house.poll("wire", item("Chip maker opens a plant"))
    house.change(receivers={"licensing": SlackReceiver(name="licensing", channel="C1", **receiver)})
    house.now = house.now.replace(hour=23, minute=0)
    house.poll("wire", *(item(title, n, pubDate=format_datetime(house.now)) for n, title in enumerate(titles)))
    return house


def due(house: House, *roles: Role) -> list[datetime | None]:
    return [one.next_attempt_at for one in house.outbox() if one.role in roles]


@pytest.mark.parametrize(
    ("before", "after", "hours"),
    [
        (AlertPolicy(quiet_hours=NIGHT), AlertPolicy(), None),
        (AlertPolicy(quiet_hours=NIGHT), AlertPolicy(quiet_hours=QuietHours(time(22), time(9))), 10),
        (AlertPolicy(quiet_hours=NIGHT), AlertPolicy(quiet_hours=QuietHours(time(1), time(9))), None),
        (
            AlertPolicy(quiet_hours=NIGHT),
            AlertPolicy(quiet_hours=QuietHours(time(22), time(9), except_=(Severity.HIGH,))),
            None,
        ),
        (AlertPolicy(quiet_hours=NIGHT), AlertPolicy(quiet_hours=NIGHT), 8),
        (AlertPolicy(digest=Digest(at=time(8))), AlertPolicy(), None),
        (AlertPolicy(digest=Digest(at=time(8))), AlertPolicy(digest=Digest(at=time(6))), 7),
    ],
)
def test_an_edit_of_quiet_hours_or_digest_moves_what_waits(
    sqlite_database: Database, before: AlertPolicy, after: AlertPolicy, hours: int | None
) -> None:
    house = at_night(sqlite_database, before, CLOSING)
    began = house.now.replace(hour=23, minute=0)
    house.change(alerts=after)
    with house.database.write() as conn:
        policies.rehour(conn, house.world.policy, house.now)
    assert due(house, Role.PARENT, Role.DIGEST) == [began + timedelta(hours=hours) if hours else None]


def test_a_receivers_own_hours_go_before_the_common_ones_and_a_retry_keeps_its_time(database: Database) -> None:
    house = at_night(database, AlertPolicy(), CLOSING, quiet_hours=NIGHT)
    [waiting] = house.outbox(Role.PARENT)
    later = house.now + timedelta(hours=3)
    with house.database.write() as conn:
        policies.rehour(conn, house.world.policy, house.now)
        assert deliveries.get(conn, waiting.id) == waiting
        assert deliveries.mark_sending(conn, waiting.id, house.now, None)
        deliveries.mark_retry(conn, waiting.id, {"next_attempt_at": later}, burnt=False)
        house.change(receivers={"licensing": SlackReceiver(name="licensing", channel="C1")})
        policies.rehour(conn, house.world.policy, house.now)
    assert due(house, Role.PARENT) == [later], "somebody asked for patience: that is no quiet hour"


@pytest.mark.parametrize("excepted", [(), (Severity.HIGH, Severity.CRITICAL)])
def test_the_notice_of_a_flood_keeps_the_quiet_hours_of_what_it_holds(
    sqlite_database: Database, excepted: tuple[Severity, ...]
) -> None:
    """Held rows wait for a person, so they have no time; their notice is as urgent as the gravest of them."""
    quiet = QuietHours(time(22), time(7), except_=excepted)
    policy = AlertPolicy(max_per_feed_poll=3, quiet_hours=quiet, digest=Digest(at=time(9)))
    house = at_night(sqlite_database, policy, *(f"{lab} weighs closing its open models" for lab in LABS))
    morning = house.now.replace(hour=7, minute=0) + timedelta(days=1)
    assert due(house, Role.NOTICE) == [None if excepted else morning]
    held = [one for one in house.outbox() if one.state is DeliveryState.HELD]
    assert {one.next_attempt_at for one in held} == {None}
    house.change(alerts=AlertPolicy())
    with house.database.write() as conn:
        policies.rehour(conn, house.world.policy, house.now)
    assert due(house, Role.NOTICE) == [None]
