"""A storyline over weeks: real rules, commits and deliverer, a Slack and a webhook on sockets; only the clock is ours.

What is checked is what Slack accepted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import time, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from monitor.alerts.decide import AlertPolicy, Digest, QuietHours, Route
from monitor.alerts.receivers import SlackReceiver, WebhookReceiver
from monitor.deliver import Deliverer, Options
from monitor.feeds.identify import EntryPolicy
from monitor.model import DeliveryState, Mute, Severity, Trust
from monitor.store import deliveries, mutes
from monitor.store.engine import Database
from monitor.testing.slack_server import SlackServer
from tests.poll.house import House, item

QUIET = "Chip maker opens a plant"
RUMOUR = "Meta reportedly plans to turn open-source Behemoth into a closed model"
WEIGHS = "Meta weighs dropping its open-source Behemoth model for a closed one"
WEIGHS_TOO = "Meta considers abandoning open-source Behemoth model for a closed alternative"
DENIAL = "Meta denies report that Behemoth model will be closed"
ANNOUNCED = "Meta announces that Behemoth will be a closed model"
DELAYED = "Meta delays the move: Behemoth goes closed a month later than planned"
EFFECTIVE = "Meta pulls Behemoth weights from Hugging Face: the model is closed now"
REVERSED = "Meta reverses its decision to make Behemoth a closed model"
MISTRAL = "Mistral weighs dropping its open-source Large model for a closed one"


@dataclass
class Stage:
    """A house whose receivers write to a stand-in, and whose clock we turn."""

    house: House
    slack: SlackServer
    hook: str

    def __post_init__(self) -> None:
        self.receive()
        for feed in self.house.feeds:
            self.house.poll(feed, item(QUIET, f"old-{feed}"))

    def receive(self, **keys: Any) -> None:
        """Put the receivers in force, the Slack one with these keys."""
        receiver = SlackReceiver(name="licensing", channel="C1", api_url=self.slack.api_url, **keys)
        self.receivers = [receiver, WebhookReceiver(name="hook")]
        self.house.change(
            receivers={one.name: one for one in self.receivers}, routes=(Route(to=("licensing", "hook")),)
        )

    async def publish(self, feed: str, title: str, **more: str) -> None:
        """A feed brings one more entry, and whatever is due goes out."""
        self.see(feed, title, **more)
        await self.deliver()

    def see(self, feed: str, *titles: str, **more: str) -> None:
        """A poll of a feed that brings these entries."""
        dated = {"pubDate": format_datetime(self.house.now), **more}
        self.house.poll(feed, *(item(title, f"{feed}/{title.replace(' ', '-')}", **dated) for title in titles))

    async def deliver(self) -> None:
        """One process's life: start, deliver what is due, stop."""
        options = Options(pace=timedelta(0), now=lambda: self.house.now)
        secrets = {"slack_bot_token": "xoxb-test", "slack_webhook_url": self.hook}
        deliverer = Deliverer(self.house.database, self.receivers, secrets.get, options)
        try:
            await deliverer.drain(timedelta(minutes=2))  # as soon as nothing is due
        finally:
            await deliverer.close()

    def fall_asleep(self) -> None:
        """Eleven at night, in quiet hours that let through what is critical."""
        night = QuietHours(from_=time(22), to=time(7), except_=(Severity.CRITICAL,))
        self.house.change(alerts=AlertPolicy(quiet_hours=night))
        self.house.now = self.house.now.replace(hour=23, minute=0)

    def sleep(self, **span: float) -> None:
        """Time passes."""
        self.house.now += timedelta(**span)

    @property
    def top(self) -> list[dict[str, Any]]:
        return self.slack.top_level("C1")

    def moves(self) -> list[str]:
        """The first line of every broadcast reply, oldest first."""
        told = [one for one in self.slack.messages("C1") if one.get("subtype") == "thread_broadcast"]
        return [one["blocks"][0]["text"]["text"].split("\n")[0].strip("*") for one in told]


@pytest.fixture
async def stage(either_database: Database) -> AsyncIterator[Stage]:
    async with SlackServer(rate=None) as slack:
        slack.bot()
        slack.channel("C1", "licensing")
        slack.channel("C2", "hooked")
        yield Stage(House(either_database), slack, slack.webhook("C2"))


async def test_from_rumour_to_reversal_over_a_month(stage: Stage) -> None:
    """A33: one message that shows the state now; each move, the denial and the delay are broadcast replies of it."""
    told = [(RUMOUR, 0), (WEIGHS, 2), (DENIAL, 1), (ANNOUNCED, 3), (DELAYED, 7), (EFFECTIVE, 12), (REVERSED, 4)]
    for number, (title, days) in enumerate(told):
        stage.sleep(days=days)
        await stage.publish("ledger" if number % 2 else "wire", title)
    assert [move.split(",")[0].split(" by ")[0] for move in stage.moves()] == [
        "Rumoured → under consideration",
        "A denial is reported",
        "Under consideration → announced",
        "A delay is reported",
        "Announced → in effect",
        "In effect → reversed",
    ]
    [parent] = stage.top
    assert "*Reversed* · now opening" in str(parent["blocks"])
    assert str(parent["blocks"]).count("•") == len(told), "every step stands there with its date"


async def test_webhooks_hear_of_moves_and_of_no_repeat(stage: Stage) -> None:
    """A33: a receiver that cannot edit gets the story, one follow-up on the move, and nothing on more coverage."""
    await stage.publish("ledger", WEIGHS)
    await stage.publish("wire", WEIGHS_TOO)
    stage.sleep(days=5)
    await stage.publish("ledger", ANNOUNCED)
    texts = [one["text"] for one in stage.slack.messages("C2")]
    assert len(texts) == 2
    assert "under consideration, now announced" in texts[1]


async def test_a_first_primary_source_is_told(stage: Stage) -> None:
    """A33: the actor's own word on what outlets reported already is a broadcast reply."""
    await stage.publish("ledger", ANNOUNCED)
    stage.house.feeds["wire"] = replace(stage.house.feeds["wire"], title="Meta newsroom", trust=Trust.PRIMARY)
    stage.sleep(hours=3)
    await stage.publish("wire", "Meta announces a closed model: Behemoth weights will not be released")
    assert stage.moves() == ["First primary source: Meta newsroom"]
    assert "*Reported by 2 outlets*: <https://news.example.org/wire" in str(stage.top[0]["blocks"])


async def test_a_late_report_of_what_was_told_is_no_news(stage: Stage) -> None:
    """A33: an outlet that is days behind brings the coverage up to date and rings nobody's phone."""
    await stage.publish("ledger", WEIGHS)
    stage.sleep(days=4)
    await stage.publish("ledger", ANNOUNCED)
    before = stage.moves()
    await stage.publish("wire", WEIGHS_TOO)
    assert stage.moves() == before
    assert len(stage.top) == 1


@pytest.mark.parametrize("others", [[], [WEIGHS_TOO]])
async def test_an_edit_that_turns_into_a_denial_is_told(stage: Stage, others: list[str]) -> None:
    """A18: what an edit newly says is news once, though it leaves the stage where it was."""
    stage.see("wire", *others)
    for title in (WEIGHS, DENIAL, DENIAL + ", again"):
        stage.sleep(hours=2)
        stage.house.poll("ledger", item(title, "one", pubDate=format_datetime(stage.house.now)))
        await stage.deliver()
    assert [move.split(" by ")[0] for move in stage.moves()] == ["A denial is reported"]


async def test_a_muted_story_takes_its_storyline_along(stage: Stage) -> None:
    """Who mutes a message hears nothing more of it, a later story of its storyline included; it stays up to date."""
    await stage.publish("ledger", WEIGHS)
    with stage.house.database.write() as conn:
        mute = Mute(0, "story", "1", stage.house.now + timedelta(days=30), "anna")
        mutes.add(conn, mute, stage.house.now)
    stage.sleep(days=12)
    await stage.publish("wire", EFFECTIVE)
    assert stage.moves() == []
    [parent] = stage.top
    assert "*Closing* · in effect" in str(parent["blocks"])
    await stage.publish("ledger", MISTRAL)
    assert len(stage.top) == 2
    stage.sleep(days=19)
    await stage.publish("ledger", REVERSED)
    assert [one.split(",")[0] for one in stage.moves()] == ["In effect → reversed"], "the mute is over"


async def test_what_comes_after_the_storyline_fell_asleep_is_a_new_message_that_links_back(stage: Stage) -> None:
    """A storyline sleeps after `repeat_after` without news."""
    await stage.publish("ledger", WEIGHS)
    await stage.publish("ledger", ANNOUNCED)
    stage.sleep(days=40)
    await stage.publish("wire", EFFECTIVE)
    assert len(stage.top) == 2
    [_, back] = [str(one["blocks"]) for one in stage.top]
    assert "continues storyline 1" in back
    first = stage.top[0]["ts"].replace(".", "")
    assert f"what came before is told in storyline 1_: <{stage.slack.url}/archives/C1/p{first}|its message>" in back
    assert "*announced, closing*" in back, "where things stood is said"
    assert ANNOUNCED in back, "with the headline that links there"
    assert "raised: Meta is known for open models" in back, "what it continues is no history of the lab"


async def test_a_promise_that_comes_due_reopens_its_storyline(stage: Stage) -> None:
    """What was announced "in two months" is the same storyline two months later, not a new one."""
    await stage.publish("ledger", "Meta will open source Behemoth in two months")
    stage.sleep(days=62)
    await stage.publish("wire", "Meta open sources Behemoth: weights are on Hugging Face")
    [parent] = stage.top
    assert [one.split(",")[0] for one in stage.moves()] == ["Announced → in effect"]
    assert "in effect" in str(parent["blocks"])


async def test_quiet_hours_delay_and_withhold_nothing(stage: Stage) -> None:
    """What happens at night is told in the morning, over restarts; what is excepted is told at once."""
    stage.fall_asleep()
    await stage.publish("ledger", WEIGHS)
    assert stage.slack.messages("C1") == []
    await stage.publish("wire", WEIGHS_TOO)
    await stage.publish("wire", "Mistral pulls the open weights of Large from Hugging Face: the model is closed now")
    assert ["Mistral" in str(one["blocks"][0]) for one in stage.top] == [True], "critical goes out at night"
    stage.sleep(hours=8)
    await stage.deliver()
    assert len(stage.top) == 2
    assert "2 outlets" in str(stage.top[1]["blocks"])
    assert len(stage.slack.messages("C2")) == 2


async def test_what_turns_critical_at_night_is_told_at_night(stage: Stage) -> None:
    """The message that waited for the morning goes with it; a webhook, which cannot edit, hears it once."""
    stage.fall_asleep()
    await stage.publish("ledger", WEIGHS)
    assert stage.slack.messages("C1") == []
    await stage.publish("wire", ANNOUNCED)
    assert len(stage.top) == 1
    assert [one.split(",")[0] for one in stage.moves()] == ["Under consideration → announced"]
    [hooked] = stage.slack.messages("C2")
    assert "closing, announced" in hooked["text"]


@pytest.mark.parametrize(("every", "days"), [("day", 1), ("week", 7)])
async def test_a_digest_brings_everything_once_over_a_restart(stage: Stage, every: Any, days: int) -> None:
    """A receiver's own digest wins over the common rule: one message at its hour, with what moved; nothing twice."""
    stage.house.change(alerts=AlertPolicy(digest=Digest(every="day", at=time(9))))
    stage.receive(digest=Digest(every=every, at=time(8)))
    stage.house.now = stage.house.now.replace(hour=8, minute=30)  # a Monday
    await stage.publish("ledger", WEIGHS)
    await stage.publish("wire", WEIGHS_TOO)
    await stage.publish("wire", ANNOUNCED)
    await stage.publish("ledger", MISTRAL)
    assert stage.slack.messages("C1") == []
    stage.sleep(days=days, hours=-1)
    await stage.deliver()
    [digest] = stage.slack.messages("C1")
    words = str(digest["blocks"])
    assert "Licensing digest: 2 storylines" in words
    assert "Under consideration → announced" in words
    assert MISTRAL in words
    assert f"<https://news.example.org/wire/{ANNOUNCED.replace(' ', '-')}|{ANNOUNCED}>" in words, "its own article"
    stage.sleep(days=days)
    await stage.deliver()
    assert len(stage.slack.messages("C1")) == 1


async def test_a_digest_that_is_too_long_makes_two(stage: Stage) -> None:
    """Bundles withhold nothing: what finds no room in one message comes in the next."""
    stage.house.change(alerts=AlertPolicy(max_per_feed_poll=100))
    stage.receive(digest=Digest(every="day", at=time(8)))
    titles = [f"Google open sources Gemma {n}.5, its new open model" for n in range(1, 51)]
    stage.see("ledger", *titles)
    stage.sleep(days=1)
    await stage.deliver()
    digests = stage.slack.messages("C1")
    assert len(digests) > 1
    assert [title for title in titles if title not in str(digests)] == []


async def test_a_flood_is_one_message_until_a_person_releases_it(stage: Stage) -> None:
    """A16: more alerts than one poll may bring wait behind one notice; released, every one is told once."""
    labs = ["Meta", "OpenAI", "Google", "Anthropic", "Mistral", "Cohere", "DeepSeek", "Baidu", "Tencent", "IBM", "xAI"]
    stage.house.change(entries=EntryPolicy(backfill="none"), alerts=AlertPolicy(max_per_feed_poll=5))
    stage.see("ledger", *(f"{lab} releases the weights of its first open model" for lab in labs))
    await stage.deliver()
    [notice] = stage.slack.messages("C1")
    assert "Alerts held: Ledger" in str(notice["blocks"])
    first = "; ".join(f"“{lab} releases the weights of its first open model”" for lab in labs[::-1][:3])
    assert f"They are: {first}; and 8 more." in str(notice["blocks"])
    assert "deliveries release --all" in str(notice["blocks"])
    assert stage.slack.messages("C2") == []
    with stage.house.database.write() as conn:
        held = deliveries.listing(conn, states=[DeliveryState.HELD], receiver="licensing")
        assert all(deliveries.release(conn, one.id) for one in held)
    await stage.deliver()
    assert len(stage.top) == 1 + len(held) == 1 + len(labs)


async def test_a_feed_issued_anew_is_one_message(stage: Stage) -> None:
    """A19: new guids and links for what was known become one held notice, not a storm."""
    labs = ["Meta", "OpenAI", "Google", "Anthropic", "Mistral", "Cohere", "DeepSeek", "Baidu"]
    known = [item(f"{lab} releases the weights of its first open model", n) for n, lab in enumerate(labs)]
    stage.house.poll("ledger", *known)
    await stage.deliver()
    before = len(stage.slack.messages("C1"))
    renewed = [{**one, "link": one["link"] + "/v2", "guid": one["guid"] + "/v2"} for one in known]
    stage.house.poll("ledger", item(MISTRAL, "new"), *renewed)
    await stage.deliver()
    assert len(stage.slack.messages("C1")) <= before + 1
    notice = stage.slack.messages("C1")[-1]
    assert f"They are: “{MISTRAL}”; " in str(notice["blocks"]), "what nobody heard of yet is named first"
