"""`run --once` asks for feeds while the examples of rules are under way, and believes no rule before they have held."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from monitor.rules import kept
from monitor.testing.feed_server import FeedServer, rss
from monitor.testing.installed import Installed

MONITOR = (
    "database: sqlite:///../lw.db\nstate_dir: ../var\nreceivers: [{name: screen, type: console}]\nweb: {listen: null}\n"
    "polling: {host_gap: 0s, allow_private_networks: [127.0.0.0/8]}\n"
)
RULE = "rules: [{id: r, title: A lab closes a model, severity: high, when: open AND closed, must_match: ['%s']}]\n"
HOLDS, FAILS = RULE % "An open model is closed", RULE % "A model is sold"
BROKEN = HOLDS.replace("AND closed", "AND")


def stored(home: Path) -> tuple[int, int, int]:
    """How many polls, entries and deliveries were committed."""
    with sqlite3.connect(home / "lw.db") as conn:
        (polls,) = conn.execute("select sum(poll_seq) from feed").fetchone()
        (entries,) = conn.execute("select count(*) from entry").fetchone()
        (deliveries,) = conn.execute("select count(*) from delivery").fetchone()
    return polls, entries, deliveries


async def test_rules_that_are_wrong_leave_nothing_behind_and_say_what_check_says(tmp_path: Path) -> None:
    """A21: where there is a database no feed is asked in vain; before the first round, once. What came is not stored,
    and comes again."""
    async with FeedServer() as feeds:
        feeds.document("/feed", rss("Ledger", [{"title": "Meta's open model is closed", "guid": "1"}]))
        installed = Installed(tmp_path)
        installed.configure(MONITOR, [{"id": "ledger", "url": feeds.url("/feed")}])
        rules = installed.config / "rules" / "r.yaml"
        for wrong in (BROKEN, FAILS):
            rules.write_text(wrong)
            wanted = await installed.command("check")
            (tmp_path / "lw.db").unlink(missing_ok=True)
            told = await installed.command("run", "--once", "--all")
            assert (told.code, told.out) == (2, "")
            assert "r.yaml:1:" in told.err
            assert told.err.strip() in wanted.err
            assert stored(tmp_path) == (0, 0, 0)
        rules.write_text(HOLDS)
        assert (await installed.command("run", "--once", "--all")).code == 0
        polls, entries, _ = stored(tmp_path)
        assert (polls, entries) == (1, 1)
        assert (tmp_path / "var" / kept.NAME).is_file()
        asked = len(feeds.requests)
        rules.write_text(FAILS)
        assert (await installed.command("run", "--once", "--all")).code == 2
        assert len(feeds.requests) == asked
        assert stored(tmp_path)[0] == 1
