"""A made-up story that four outlets tell, played against the real daemon: `licensewatch demo`, and a scenario test.

The feeds are served and the Slack messages accepted on loopback. Nothing of it is real but the program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from monitor import clock
from monitor.testing.feed_server import FeedServer, rss
from monitor.testing.installed import Installed, until
from monitor.testing.slack_page import page_of
from monitor.testing.slack_server import SlackServer

CHANNEL = "C0DEMO"
TOKEN = "xoxb-demo"  # noqa: S105  # a token of the stand-in on loopback


@dataclass(frozen=True, slots=True)
class Outlet:
    """A feed of the story: its id, title, trust, and what it carried before."""

    id: str
    title: str
    trust: str
    before: tuple[str, ...]


OUTLETS = (
    Outlet("ledger", "The Example Ledger", "press", ("Chip maker opens a plant", "A quiet week for cloud prices")),
    Outlet("wire", "Sample Wire", "press", ("Regulator publishes its calendar", "Startup closes its seed round")),
    Outlet("forum", "Model Forum", "community", ("Which mouse do you use?", "Weekly thread: what are you building?")),
    Outlet("newsroom", "Meta newsroom (made up)", "primary", ("Our new office", "Meet the design team")),
)


@dataclass(frozen=True, slots=True)
class Act:
    """One outlet says something, and what that must lead to in Slack: so many more posts and edits."""

    days_ago: float  # how old the report says it is: a month passes in a minute
    outlet: str
    title: str
    text: str
    meaning: str
    posts: int = 0
    edits: int = 0


ACTS = (
    Act(
        31,
        "ledger",
        "Meta reportedly plans to turn open-source Behemoth into a closed model",
        "Behemoth was to be Meta's most powerful open model. According to sources it will never be published, and "
        "nothing is decided yet.",
        "A rumour, told by a first outlet: one new message",
        posts=1,
    ),
    Act(
        30.8,
        "forum",
        "Meta may scrap its open source Behemoth model and go closed, leak says",
        "Link to the Ledger piece. Nothing decided yet.",
        "A community passes it on: the message grows, one reply lists the coverage, nobody's phone rings",
        posts=1,
        edits=1,
    ),
    Act(
        28,
        "wire",
        "Meta weighs dropping its open-source Behemoth model for a closed one",
        "Executives of the superintelligence lab have discussed replacing Behemoth, so far an open model, with a "
        "closed one. Leadership has not approved it.",
        "Another outlet has it from the lab, which only weighs it: a reply that everybody sees",
        posts=1,
        edits=2,
    ),
    Act(
        27,
        "wire",
        "Meta denies that it will close Behemoth",
        "A spokesperson denied the report that Behemoth will become a closed model: the mix of open and closed models "
        "continues, she said.",
        "A denial is noted and told; it reverses nothing",
        posts=1,
        edits=2,
    ),
    Act(
        24,
        "newsroom",
        "Meta announces that Behemoth will be a closed model",
        "Behemoth comes through our API next month. We will not release the weights of Behemoth.",
        "The lab itself announces it: under consideration becomes announced",
        posts=1,
        edits=2,
    ),
    Act(
        13,
        "ledger",
        "Meta delays the move: Behemoth goes closed a month later than planned",
        "The open-source preview stays up for now.",
        "A delay is a story of its own, in the same thread",
        posts=1,
        edits=2,
    ),
    Act(
        6,
        "wire",
        "Meta pulls Behemoth weights from Hugging Face: the model is closed now",
        "Since this morning Behemoth is available through the API only.",
        "It takes effect",
        posts=1,
        edits=2,
    ),
    Act(
        0,
        "newsroom",
        "Meta reverses its decision to make Behemoth a closed model",
        "After the feedback of the past days we will release the weights of Behemoth under the licence they were "
        "planned for.",
        "And it is reversed: the one message shows the state of things now and every step that led here",
        posts=1,
        edits=2,
    ),
)


@dataclass
class Played:
    """What Slack holds after the play, and how many calls that post or edit it took."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    posts: int = 0
    edits: int = 0
    page: Path | None = None
    daemon_exit: int | None = None


async def play(root: Path, rules: Path, tell: Callable[[str, Mapping[str, Any] | None], None]) -> Played:
    """Play all acts in `root`; `tell` hears each step and sees each Slack message that is new or edited."""
    async with FeedServer() as feeds, SlackServer(rate=None) as slack:
        slack.bot(TOKEN)
        slack.channel(CHANNEL, "licensing-demo")
        # The stand-in has no limit of one message a second.
        installed = Installed(root, {"SLACK_BOT_TOKEN": TOKEN, "LICENSEWATCH_PACE": "100ms"})
        installed.configure(_monitor(slack.api_url), [_feed(feeds, outlet) for outlet in OUTLETS], rules)
        items = {outlet.id: [_item(outlet, title, "", 40) for title in outlet.before] for outlet in OUTLETS}
        for outlet in OUTLETS:
            _publish(feeds, outlet, items[outlet.id])
        tell(f"Four feeds with {sum(map(len, items.values()))} old entries: read as baseline, in silence", None)
        async with installed.running() as daemon:
            await until(
                lambda: all(len(feeds.of(f"/{one.id}.xml")) > 1 for one in OUTLETS), "every feed was polled twice"
            )
            for act in ACTS:
                await _play_act(act, items, feeds, slack, tell)
            exit_code = await daemon.stop()
        played = Played(slack.messages(CHANNEL), len(slack.posts("chat.postMessage")), len(slack.posts("chat.update")))
        played.page = root / "slack.html"
        played.page.write_text(page_of([("licensing-demo", played.messages)]), encoding="utf-8")
        played.daemon_exit = exit_code
        return played


async def _play_act(
    act: Act,
    items: dict[str, list[dict[str, str]]],
    feeds: FeedServer,
    slack: SlackServer,
    tell: Callable[[str, Mapping[str, Any] | None], None],
) -> None:
    outlet = next(one for one in OUTLETS if one.id == act.outlet)
    tell(f"{outlet.title}: “{act.title}”", None)
    before = len(slack.posts())
    wanted = {
        "chat.postMessage": len(slack.posts("chat.postMessage")) + act.posts,
        "chat.update": len(slack.posts("chat.update")) + act.edits,
    }
    items[outlet.id].insert(0, _item(outlet, act.title, act.text, act.days_ago))
    _publish(feeds, outlet, items[outlet.id])
    await until(
        lambda: all(sum(call.ok for call in slack.posts(name)) >= count for name, count in wanted.items()),
        f"Slack has what “{act.title}” must lead to",
    )
    tell(act.meaning, None)
    for call in slack.posts()[before:]:
        message = next(one for one in slack.messages(CHANNEL) if one["ts"] == call.ts)
        tell("posted" if call.method == "chat.postMessage" else "edited", message)


def _monitor(api_url: str) -> str:
    return f"""state_dir: ../var
polling:
  interval: 1s
  rhythm: fixed
  host_gap: 0s
  allow_private_networks: [127.0.0.0/8]
entries: {{max_age: 60d}}  # the reports are dated over a month
receivers:
  - {{name: licensing, type: slack, channel: {CHANNEL}, api_url: "{api_url}"}}
routes:
  - {{to: [licensing]}}
web: {{listen: null}}
"""


def _feed(feeds: FeedServer, outlet: Outlet) -> dict[str, str]:
    return {"id": outlet.id, "url": feeds.url(f"/{outlet.id}.xml"), "title": outlet.title, "trust": outlet.trust}


def _publish(feeds: FeedServer, outlet: Outlet, items: list[dict[str, str]]) -> None:
    feeds.document(f"/{outlet.id}.xml", rss(outlet.title, items))


def _item(outlet: Outlet, title: str, text: str, days_ago: float) -> dict[str, str]:
    slug = "-".join(title.lower().split())
    return {
        "title": title,
        "link": f"https://{outlet.id}.example.org/{slug}",
        "guid": f"{outlet.id}/{slug}",
        "pubDate": format_datetime(clock.now() - timedelta(days=days_ago)),
        "description": text,
    }
