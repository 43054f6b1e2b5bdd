"""One headline about two labs, and what becomes of each: what Slack holds, with real rules, commits and deliverer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import time
from typing import Any

import pytest

from monitor.alerts.decide import Digest, Match, Route
from monitor.model import Stage as Far
from monitor.store import stories
from monitor.store.engine import Database
from monitor.testing.slack_server import SlackServer
from monitor.web.ledger import ledger, since_in_words
from tests.poll.house import House
from tests.scenario.test_development import Stage

BOTH = "Meta and Alibaba weigh closing their open models"
META = "Meta announces that its open models will be closed"
META_BACK = "Meta reverses its decision to close its open models"
META_WEIGHS = "Meta considers closing its open models, sources say"
ALIBABA_DENIES = "Alibaba denies that it will close its open Qwen models"
BOTH_DO = "Meta and Alibaba announce they will close their open models"
BOTH_STOP = "Meta and Alibaba to stop publishing weights of their largest models"
SUMMARIES = {BOTH_STOP: "Both said that Llama 6 and Qwen 6 Max will be offered through APIs only."}
MAX = "Alibaba announces that Qwen 6 Max weights will be published after all"
CODER = "Alibaba announces that Qwen 6 Coder weights will be published"


@pytest.fixture
async def stage(sqlite_database: Database) -> AsyncIterator[Stage]:
    async with SlackServer(rate=None) as slack:
        slack.bot()
        slack.channel("C1", "licensing")
        slack.channel("C2", "hooked")
        yield Stage(House(sqlite_database), slack, slack.webhook("C2"))


@dataclass(frozen=True)
class Life:
    """Headlines with the days before each; how the message of `shown` (a headline) stands in the end, line by line; how
    many messages and broadcast replies there are, and how many a webhook got."""

    says: tuple[tuple[float, str], ...]
    shown: str
    heads: tuple[str, ...]
    messages: int
    replies: int
    hooked: int


WEIGHED = "closing · under consideration · weights"
LIVES = {
    "one turns": Life(
        ((0, BOTH), (4, META)),
        BOTH,
        (
            "Meta · closing · announced · weights",
            f"↳ 27 Nov 2026 · {META} · its message",
            f"Alibaba · {WEIGHED} · would go open → closed",
            "Meta, Alibaba",
        ),
        messages=2,
        replies=0,
        hooked=2,
    ),
    "one turns, then the other": Life(
        ((0, BOTH), (4, META), (3, ALIBABA_DENIES)),
        BOTH,
        (
            "Alibaba · closing · rumoured · weights · denial reported",
            f"↳ 30 Nov 2026 · {ALIBABA_DENIES} · its message",
            "Meta · closing · announced · weights",
            f"↳ 27 Nov 2026 · {META} · its message",
            "Meta, Alibaba",
        ),
        messages=3,
        replies=0,
        hooked=3,
    ),
    "one turns twice": Life(
        ((0, BOTH), (4, META), (3, META_BACK)),
        BOTH,
        (
            "Meta · reversed · now opening · weights",
            f"↳ 30 Nov 2026 · {META_BACK} · its message",
            f"Alibaba · {WEIGHED} · would go open → closed",
            "Meta, Alibaba",
        ),
        messages=2,
        replies=1,
        hooked=3,
    ),
    "one turns after the message fell asleep, and once more after its own did": Life(
        ((0, BOTH), (44, META), (44, META_BACK)),
        BOTH,
        (
            "Meta · reversed · now opening · weights",
            f"↳ 19 Feb 2027 · {META_BACK} · its message",
            f"Alibaba · {WEIGHED} · would go open → closed",
            "Meta, Alibaba",
        ),
        messages=3,
        replies=0,
        hooked=3,
    ),
    "what fell asleep leads to what came after": Life(
        ((0, META), (44, META_BACK)),
        META,
        (
            "reversed · now opening · weights",
            f"↳ 6 Jan 2027 · {META_BACK} · its message",
            "Meta",
        ),
        messages=2,
        replies=0,
        hooked=2,
    ),
    "the summary says which models, and one of them turns": Life(
        ((0, BOTH_STOP), (4, MAX)),
        BOTH_STOP,
        (
            "Alibaba · reversed · now opening · weights",
            f"↳ 27 Nov 2026 · {MAX} · its message",
            "Meta · closing · announced · weights · to go open → closed",
            "Meta, Alibaba · Llama 6, Qwen 6",
        ),
        messages=2,
        replies=0,
        hooked=2,
    ),
    "what became of a sibling of those says nothing of them": Life(
        ((0, BOTH_STOP), (4, CODER)),
        BOTH_STOP,
        ("closing · announced · weights", "Meta, Alibaba · Llama 6, Qwen 6 · to go open → closed"),
        messages=2,
        replies=0,
        hooked=2,
    ),
    "one was told before, and both go further": Life(
        ((0, META_WEIGHS), (0.5, BOTH), (5, BOTH_DO)),
        META_WEIGHS,
        (
            "closing · announced · weights",
            f"↳ 29 Nov 2026 · {BOTH_DO} · its message",
            "Meta",
        ),
        messages=2,
        replies=1,
        hooked=3,
    ),
}


def heads(message: dict[str, Any]) -> tuple[str, ...]:
    """The lines below the headline as a reader sees them: no pictures, no bold, the labels of links."""
    bare = re.sub(r"<[^|>]*\|([^>]*)>", r"\1", message["blocks"][1]["text"]["text"]).replace("*", "")
    return tuple(re.sub(r"^\W+(?=[A-Za-z])|^ +(?=↳)", "", line).replace("Clo", "clo").replace("Rev", "rev")
                 for line in bare.split("\n"))  # fmt: skip


@pytest.mark.parametrize("life", [pytest.param(life, id=why) for why, life in LIVES.items()])
async def test_the_message_about_two_labs_says_how_things_stand_with_each(stage: Stage, life: Life) -> None:
    """A33: the parent shows the state of things now, whichever message carries the development; each is told once."""
    for days, title in life.says:
        stage.sleep(days=days)
        await stage.publish("wire", title, text=SUMMARIES.get(title, ""))
    first = next(number for number, (_, title) in enumerate(life.says) if title == life.shown)
    shown = stage.top[first]
    assert heads(shown) == life.heads
    took_over = next((head.split(" · ")[1] for head in life.heads[1:2] if life.heads[-1] == "Meta"), life.shown)
    assert took_over in str(shown["blocks"][0]), "the headline is that of how things stand"
    told = (len(stage.top), len(stage.moves()), len(stage.slack.messages("C2")))
    assert told == (life.messages, life.replies, life.hooked)
    with stage.house.database.read() as conn:
        rows = [row for row in ledger(conn, "", None) if row["title"] == life.shown]
    since = [since_in_words(one) for one in rows[0]["since"]]
    assert len(since) == sum("↳" in head for head in life.heads), "history says so too"
    assert all(title in " ".join(since) for title in (head.split(" · ")[1] for head in life.heads if "↳" in head))


async def test_at_night_and_in_a_digest_both_messages_agree(stage: Stage) -> None:
    """A33: what waits for the morning is linked when it stands there; a digest says how things stand with each lab."""
    await stage.publish("wire", BOTH)
    stage.sleep(days=1)
    stage.fall_asleep()
    await stage.publish("ledger", ALIBABA_DENIES)
    assert len(stage.top) == 1
    assert "its message" not in str(stage.top[0]["blocks"]), "there is none yet, and the message is true all the same"
    assert "*denial reported*" in str(stage.top[0]["blocks"])
    stage.sleep(hours=8)
    await stage.deliver()
    assert len(stage.top) == 2
    assert "its message" in str(stage.top[0]["blocks"])
    stage.receive(digest=Digest(every="day", at=time(8)))
    await stage.publish("wire", "Mistral and Cohere weigh closing their open models")
    await stage.publish("ledger", "Cohere announces that its open models will be closed")
    stage.sleep(days=1)
    await stage.deliver()
    digest = str(stage.top[-1]["blocks"])
    assert "*Cohere* · *Closing* · announced" in digest
    assert "*Mistral AI* · *Closing* · under consideration" in digest


async def test_a_turn_reaches_who_never_got_the_message_about_both(stage: Stage) -> None:
    """A33: routes send the turn elsewhere; the message about both says it without a link, the other is whole."""
    considered = Route(to="licensing", match=Match(stage=Far.CONSIDERING))
    stage.house.change(routes=(considered, Route(to="hook")))
    await stage.publish("wire", BOTH)
    stage.sleep(days=1)
    await stage.publish("wire", META)
    [both] = stage.top
    assert heads(both)[:2] == ("Meta · closing · announced · weights", f"↳ 24 Nov 2026 · {META}")
    [turn] = stage.slack.messages("C2")
    assert META in str(turn["blocks"])
    assert "what came before is told in storyline 1_" in str(turn["blocks"])
    with stage.house.database.read() as conn:
        assert stories.kin_of(conn, 1) == (2,)
