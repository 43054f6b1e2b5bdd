"""A service with a past, made up: feeds in every health, a year of shifts, an outbox in every state, hostile texts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from monitor import clock, settings
from monitor.model import (
    Action,
    Alert,
    Candidate,
    Confidence,
    Coverage,
    Delivery,
    DeliveryState,
    Entry,
    Hit,
    Mute,
    Reason,
    Role,
    Severity,
    Shift,
    Step,
    Story,
)
from monitor.settings import Configuration
from monitor.store import alerts, deliveries, entries, facts, feeds, hits, mutes, receivers, rules, search, stories
from monitor.store.engine import Connection, Database
from monitor.store.receivers import ReceiverState
from monitor.store.schema import feedback
from monitor.stories import storyline
from monitor.telemetry import Counters
from monitor.web.asked import Pulse, Source
from tests.web.past import BIDI, EVIL_LINK, HUGE, OUTLETS, RULES, SCRIPT, D, S, Told, past


@dataclass
class World:
    """The made-up service: its configuration and database, and what the page is made from."""

    database: Database
    configuration: Configuration
    now: datetime
    pulse: Pulse = field(default_factory=lambda: Pulse(tick_s=0.4, deliveries_s=0.6))

    def source(self) -> Source:
        counters = Counters()
        for outcome, count in (("unchanged", 812), ("new", 64), ("failed", 9)):
            counters.add("polls", outcome, count)
        counters.add("entries", "new", 143)
        counters.add("alerts", Reason.NEW_STORY, 6)
        counters.add("alerts", Reason.REPEAT, 11)
        return Source(self.database, lambda: self.configuration, lambda: self.pulse, counters)


def configure(root: Path, database: Database) -> Configuration:
    """A configuration directory with these feeds and rules, loaded."""
    directory = root / "config"
    (directory / "rules").mkdir(parents=True)
    listed = [
        f"  - {{id: {id_}, url: 'https://{id_}.example.org/feed.xml', title: '{title}', trust: {trust}, paused: "
        f"{'true' if id_ == 'paused' else 'false'}}}"
        for id_, title, trust in OUTLETS
    ]
    (directory / "monitor.yaml").write_text("receivers: [{name: licensing, type: console}]\n", "utf-8")
    (directory / "feeds.yaml").write_text("feeds:\n" + "\n".join(listed) + "\n", "utf-8")
    (directory / "rules" / "rules.yaml").write_text(RULES, "utf-8")
    url = database.url.render_as_string(hide_password=False)
    return settings.load(directory, {"LICENSEWATCH_DATABASE_URL": url})


def fill(root: Path, database: Database, *, troubled: bool = False, hostile: bool = False) -> World:
    """The service with its past, up to now. `troubled`: with everything that needs a person."""
    configuration, now = configure(root, database), clock.now()
    with database.write() as conn:
        _feeds(conn, configuration, now, troubled=troubled)
        told = [_story(conn, one, now) for one in past()]
        if hostile:
            _hostile(conn, now)
        _outbox(conn, told, now, troubled=troubled)
        _rules(conn, configuration, told, now)
        mutes.add(conn, Mute(0, "org", "Basalt", now + timedelta(days=2), "ana"), now)
        facts.set(conn, "last_tick", now.isoformat(), now)
        if troubled:
            facts.set(
                conn, "configuration_problem", "rules/rules.yaml:7:11: unknown vocabulary $labb (meant: $lab?)", now
            )
    with database.write() as conn:
        while search.catch_up(conn, 500):
            pass
    return World(database, configuration, now)


def _feeds(conn: Connection, configuration: Configuration, now: datetime, *, troubled: bool) -> None:
    soon = (feed.id for feed in configuration.feeds)
    places = {id_: now + timedelta(minutes=2 + 3 * n) for n, id_ in enumerate(soon)}
    feeds.sync_feeds(conn, configuration.feeds, lambda feed: places[feed.id], now - timedelta(days=200))
    for number, (id_, state) in enumerate(feeds.states(conn).items()):
        if id_ == "fresh":
            continue
        step = timedelta(minutes=(15, 40, 90, 25)[number % 4])
        polls = tuple(
            (now - step * (40 - n), (n * (number + 3)) % 7 // 5 * (1 + n % 4) if id_ != "quiet" else int(n == 2))
            for n in range(40)
        )
        polled = replace(
            state,
            last_poll_at=now - timedelta(minutes=3 + number),
            last_success_at=now - timedelta(minutes=3 + number),
            last_status=200,
            polls=polls,
            baselined_at=now - timedelta(days=200),
            why_next=("interval", "max-age 1800 s", "learnt: news every 3 hours")[number % 3],
        )
        if troubled and id_ == "broken":
            polled = replace(
                polled, failures=7, failing_since=now - timedelta(hours=9), last_success_at=now - timedelta(hours=10),
                last_error="parse: answers HTML, not a feed (a consent page?)",
                why_next="backing off: 7 failures in a row",
            )  # fmt: skip
        if troubled and id_ == "moved":
            polled = replace(polled, gone=True, failures=1, failing_since=now - timedelta(days=12), next_poll_at=None,
                             last_error="410 Gone", why_next="never: the publisher says 410 Gone")  # fmt: skip
        assert feeds.save(conn, polled, state.poll_seq)


def _entry(conn: Connection, title: str, outlet: int, at: datetime, **more: object) -> tuple[int, Entry]:
    id_, _, _ = OUTLETS[outlet]
    key = f"{abs(hash((title[:200], id_, at))):x}"[:40]
    url = f"https://{id_}.example.org/{at:%Y/%m}/{key[:8]}"
    made = replace(
        Entry(
            id_,
            (key,),
            title,
            summary=f"{title[:200]}. What is known so far, and what is not.",
            url=url,
            published_at=at,
        ),
        **more,  # type: ignore[arg-type]  # fields of an entry
    )
    return entries.add(conn, [made], now=at, baseline=False)[0], made


def _covered(entry_id: int, entry: Entry, outlet: int, at: datetime) -> Coverage:
    id_, name, trust = OUTLETS[outlet]
    return Coverage(entry_id, id_, name, entry.title, entry.url, trust, at, entry.published_at)


TITLES = ("{}", "{}, people say", "What it means when {}", "{}: what we know", "Why {}")


def _story(conn: Connection, told: Told, now: datetime) -> Story:
    start = now - timedelta(days=told.days)
    marks = tuple(
        (told.evidence.index(word), told.evidence.index(word) + len(word))
        for word in ("dropping the open release", "closed", "separate agreement", "under the MIT licence", "not allow")
        if word in told.evidence
    )
    shift = Shift(
        told.direction, told.stage, told.object, (told.org,), (told.model,) if told.model else (), *told.terms,
        evidence=told.evidence, confidence=Confidence.MEDIUM,
        reasons=("an organisation is named", "the stage is said in words"), marks=marks,
    )  # fmt: skip
    story: Story | None = None
    covered = []
    for number in range(told.outlets):
        at = min(start + timedelta(minutes=35 * number), now - timedelta(minutes=1))
        outlet = (int(told.days * 3) + number) % 6
        title = TITLES[number % len(TITLES)].format(told.title)
        entry_id, entry = _entry(conn, title, outlet, at)
        member = Candidate(entry, shift, at, entry_id, OUTLETS[outlet][2], told.severity, ("open-to-closed",))
        covered.append(_covered(entry_id, entry, outlet, at))
        if story is None:
            new = stories.NewStoryline(
                at, context=f"the second such step of {told.org} this year", baseline=told.baseline
            )
            line = stories.create_storyline(conn, new)
            opened = storyline.opened(member, covered[0], baseline=told.baseline)
            story = stories.create_story(conn, line, replace(opened, shift=shift, title=told.title))
            taken = Step(at, told.stage, told.direction, "new story", title, entry.url, OUTLETS[outlet][1])
            stories.add_step(conn, story, taken, entry_id)
        why = (
            "no open story tells this event"
            if number == 0
            else "same organisation and model; 8 of 11 words of the headline"
        )
        stories.join(conn, story.id, member, OUTLETS[outlet][1], why)
        reason = Reason.BASELINE if told.baseline else Reason.REPEAT if number else Reason.NEW_STORY
        note = {Reason.BASELINE: "first poll of its feed", Reason.REPEAT: "more coverage of a story already told"}
        decided = Alert(reason, told.severity, "", reason is not Reason.NEW_STORY, note.get(reason, ""))
        alerts.add(conn, decided, story.id, entry_id, at)
        hits.add(
            conn, entry_id, [Hit("open-to-closed", "v2" * 8, "A lab moves", told.severity, shift)], at, told.baseline
        )
    assert story is not None
    last = replace(story, coverage=tuple(covered), last_seen_at=covered[-1].seen_at)
    stories.update_story(conn, last)
    return last


def _hostile(conn: Connection, now: datetime) -> None:
    for number, text in enumerate((SCRIPT, BIDI, HUGE, "עברית מימין לשמאל ושוב english", "通义千问更改许可证")):
        told = Told(
            0.01 + number / 100,
            D.UNCLEAR,
            S.RUMOUR,
            text[:90],
            text[:90],
            text,
            1,
            terms=(text[:20], text[:20]),
            evidence=text[:900],
        )
        story = _story(conn, told, now)
        entry_id, _ = _entry(
            conn, text, 0, now - timedelta(minutes=number), url=EVIL_LINK, summary=text, author=text[:50]
        )
        coverage = (*story.coverage, replace(story.coverage[0], entry_id=entry_id, url=EVIL_LINK, outlet=text[:300]))
        member = Candidate(Entry("ledger", (), text, url=EVIL_LINK), story.shift, now, entry_id)
        stories.join(conn, story.id, member, text[:300], text[:2000])
        assert coverage
        stories.add_step(
            conn, story, Step(now, S.RUMOUR, D.UNCLEAR, "stage moved", text, EVIL_LINK, text[:300]), entry_id
        )


def _outbox(conn: Connection, told: list[Story], now: datetime, *, troubled: bool) -> None:
    def one(name: str, story: Story | None, minutes: float, **more: object) -> Delivery:
        made = Delivery(
            f"{name}-{'0' * 8}", "licensing", Role.PARENT, Action.POST, now - timedelta(minutes=minutes),
            story_id=story.id if story else None, storyline_id=story.storyline_id if story else None,
        )  # fmt: skip
        return replace(made, **more)  # type: ignore[arg-type]  # fields of a delivery

    sent = [one(f"a{n}", story, 60 * 24 * (0.02 + 2.2 * n)) for n, story in enumerate(told[:5])]
    sent.append(one("a7", told[0], 12, role=Role.COVERAGE, target_id=sent[0].id))
    sent.append(one("a8", told[0], 4, action=Action.UPDATE, target_id=sent[0].id))
    deliveries.enqueue(conn, sent)
    for row in sent:
        assert deliveries.mark_sending(conn, row.id, row.created_at, "1.0")
        assert deliveries.mark_sent(conn, row.id, row.created_at, channel="C0SAMPLE", ts="1700000000.0001")
    deliveries.enqueue(conn, [one("b1", told[1], 0.2, next_attempt_at=now + timedelta(seconds=40))])
    if not troubled:
        return
    parked, held, dead = DeliveryState.PARKED, DeliveryState.HELD, DeliveryState.DEAD
    told_of = {"title": "Feed notice", "text": "gone"}
    stuck = [
        one("c1", told[2], 44, state=parked),
        one("c2", told[3], 50, state=held, last_error="14 alerts in one poll; held above max_per_feed_poll"),
        one("c3", told[4], 65, state=dead, attempts=3, last_error="invalid_blocks: the plain form was refused too"),
        one("c4", told[5], 2, state=DeliveryState.UNKNOWN, attempts=1, last_error="timeout after the message went out"),
        one("c5", None, 30, role=Role.NOTICE, facts=told_of, state=parked),
    ]
    deliveries.enqueue(conn, stuck)
    parked = ReceiverState("licensing", parked_scope="credential", parked_code="invalid_auth",
                           parked_at=now - timedelta(minutes=44), retry_at=now + timedelta(minutes=5))  # fmt: skip
    receivers.park(conn, ["licensing"], parked)


def _rules(conn: Connection, configuration: Configuration, told: list[Story], now: datetime) -> None:
    loaded = [(one.id, one.version, one.title, str(one.severity)) for one in configuration.rules.rules.values()]
    rules.remember(conn, [("open-to-closed", "v1" * 8, "A lab closes", "medium")], now - timedelta(days=160))
    rules.remember(conn, [("old-rule", "v0" * 8, "A rule that left", "low")], now - timedelta(days=190))
    rules.remember(conn, loaded, now - timedelta(days=20))
    version = configuration.rules.rules["licence-change"].version
    for story in told[:9]:
        shift = story.shift
        hits.add(
            conn, story.coverage[0].entry_id, [Hit("licence-change", version, "t", Severity.MEDIUM, shift)], now, False
        )
    rows = [("open-to-closed", "relevant")] * 11 + [("open-to-closed", "noise")] * 2 + [("licence-change", "noise")]
    conn.execute(
        feedback.insert(),
        [
            {
                "story_id": 1,
                "rule_id": rule_id,
                "rule_version": "v2" * 8,
                "verdict": verdict,
                "by": f"U{number}",
                "created_at": now,
            }
            for number, (rule_id, verdict) in enumerate(rows)
        ],
    )
