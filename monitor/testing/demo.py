"""A made-up story that four outlets tell, played against the real daemon: `licensewatch demo`, and a scenario test.

The feeds are served and the Slack messages accepted on loopback. Nothing of it is real but the program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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

    outlet: str
    title: str
    text: str
    meaning: str
    posts: int = 0
    edits: int = 0


ACTS = (
    Act(
        "ledger",
        "Meta weighs dropping its open-source Behemoth model in favour of a closed one",
        "Members of the superintelligence lab have discussed replacing the company's most powerful open-source model "
        "with a closed one. Leadership has not approved it.",
        "A first outlet reports it: one new message",
        posts=1,
    ),
    Act(
        "wire",
        "Meta considers abandoning open-source Behemoth model for a closed alternative",
        "A shift away from open models is under discussion at the lab; nothing is decided, people there say.",
        "A second outlet tells the same story: the message grows, one reply lists the coverage",
        posts=1,
        edits=1,
    ),
    Act(
        "forum",
        "Meta may scrap its open source Behemoth model and go closed",
        "Link to the Ledger piece. Nothing decided yet.",
        "A community joins in: edits only, nobody's phone rings",
        edits=2,
    ),
    Act(
        "newsroom",
        "Meta announces that Behemoth will be a closed model and its weights will not be released",
        "We will not release the weights of Behemoth. The model will be available through our API only.",
        "The lab decides: a reply that everybody sees, and the parent shows the new state",
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
        installed = Installed(root, {"SLACK_BOT_TOKEN": TOKEN})
        installed.configure(_monitor(slack.api_url), [_feed(feeds, outlet) for outlet in OUTLETS], rules)
        items = {outlet.id: [_item(outlet, title, "") for title in outlet.before] for outlet in OUTLETS}
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
    items[outlet.id].insert(0, _item(outlet, act.title, act.text))
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


def _item(outlet: Outlet, title: str, text: str) -> dict[str, str]:
    slug = "-".join(title.lower().split())
    return {
        "title": title,
        "link": f"https://{outlet.id}.example.org/{slug}",
        "guid": f"{outlet.id}/{slug}",
        "description": text,
    }
