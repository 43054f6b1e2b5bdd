"""The judge of a proof by violence: reads what the feed server served and what Slack accepted, and nothing else."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.testing.feed_server import Served
from monitor.testing.newsroom import Kind, Newsroom

_GUID = re.compile(rb"<guid>https?://[^/<]*/([^<]*)</guid>")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many messages a channel must hold, how many it holds, and what is wrong, in words."""

    expected: int
    posted: int
    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Nothing lost, nothing doubled, nothing that nobody asked for."""
        return not (self.lost or self.doubled or self.strange)


def judge(served: Iterable[Served], newsroom: Newsroom, messages: Sequence[Mapping[str, Any]]) -> Verdict:
    """One top-level message per storyline, one reply per later story, one for all coverage; nothing else.

    `messages` are those of one channel.
    """
    expected = _expected(served, newsroom)
    found: Counter[tuple[int, str]] = Counter()
    strange = []
    headlines = newsroom.headlines()
    parents = {str(one["ts"]): _storyline(one, headlines) for one in messages if "thread_ts" not in one}
    for one in messages:
        thread = one.get("thread_ts")
        storyline = parents[str(one["ts"])] if thread is None else parents.get(str(thread))
        if storyline is None:
            strange.append(str(one.get("text"))[:100])
            continue
        found[(storyline, _what(one))] += 1
    lost = [f"storyline {number}: {what}" for (number, what), count in (expected - found).items() for _ in range(count)]
    more = [f"storyline {number}: {what}" for (number, what), count in (found - expected).items() for _ in range(count)]
    return Verdict(expected.total(), len(messages), tuple(lost), tuple(more), tuple(strange))


def _expected(served: Iterable[Served], newsroom: Newsroom) -> Counter[tuple[int, str]]:
    guids = {
        guid.decode()
        for one in served
        if one.status == 200 and b"</rss>" in one.body
        for guid in _GUID.findall(one.body)
    }
    wanted: Counter[tuple[int, str]] = Counter()
    for guid in guids & newsroom.reports.keys():
        report = newsroom.reports[guid]
        wanted[(report.storyline, "message")] = 1
        if report.kind is Kind.REPEAT:
            wanted[(report.storyline, "coverage")] = 1
        if report.kind is Kind.MOVE:
            wanted[(report.storyline, "move")] += 1
    return wanted


def _what(message: Mapping[str, Any]) -> str:
    if "thread_ts" not in message:
        return "message"
    return "move" if message.get("subtype") == "thread_broadcast" else "coverage"


def _storyline(message: Mapping[str, Any], headlines: Mapping[str, Any]) -> int | None:
    """By the headline that it shows, which is of one of the storyline's reports."""
    title = next((one["text"]["text"] for one in message.get("blocks") or () if one.get("type") == "header"), "")
    report = headlines.get(html.unescape(title))
    if report is None:  # sent as plain text once Slack refused the blocks
        text = html.unescape(json.dumps(message.get("text", ""), ensure_ascii=False))
        report = next((one for title, one in headlines.items() if title in text), None)
    return None if report is None else int(report.storyline)
