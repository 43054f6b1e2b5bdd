"""Stories, storylines, alerts and mutes in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.model import (
    Alert,
    Candidate,
    Coverage,
    Direction,
    Entry,
    Mute,
    Reason,
    Severity,
    Shift,
    Stage,
    Step,
    Story,
    Trust,
)
from monitor.store import alerts, entries, mutes, open_stories, retention, stories
from monitor.store.engine import Connection, Database
from monitor.stories import storyline
from monitor.stories.assign import StoryIndex, assign

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SHIFT = Shift(
    Direction.CLOSING, Stage.CONSIDERING, orgs=("Meta",), models=("Behemoth",), evidence="It weighs it.", to="closed"
)


def member(conn: Connection, title: str, *, at: datetime = NOW, trust: Trust = Trust.PRESS) -> Candidate:
    entry = Entry(
        "byte",
        (title[-40:],),
        title,
        "A summary.",
        url="https://example.org/1",
        published_at=at,
        links=("https://a.example/b",),
    )
    [entry_id] = entries.add(conn, [entry], now=at, baseline=False)
    # Keys and long texts are not read back for a story: placing does without them.
    return Candidate(replace(entry, keys=()), SHIFT, at, entry_id, trust, Severity.HIGH, ("open-to-closed",))


def covered(one: Candidate) -> Coverage:
    entry = one.entry
    return Coverage(
        one.entry_id, "byte", "The Byte", entry.title, entry.url, one.trust, one.seen_at, entry.published_at
    )


def opened(conn: Connection, one: Candidate, *, baseline: bool = False, **start: object) -> Story:
    storyline_id = stories.create_storyline(conn, stories.NewStoryline(one.seen_at, baseline=baseline, **start))  # type: ignore[arg-type]  # any fields
    story = stories.create_story(conn, storyline_id, storyline.opened(one, covered(one), baseline=baseline))
    stories.join(conn, story.id, one, "The Byte", "no open story tells this event")
    return story


def test_a_story_comes_back_as_it_was_stored(database: Database) -> None:
    with database.write() as conn:
        story = opened(conn, member(conn, "Meta weighs it"))
    with database.read() as conn:
        assert stories.get(conn, story.id) == story
        assert stories.get(conn, story.id + 1) is None
        assert stories.of_entry(conn, story.coverage[0].entry_id) == story.id
        assert stories.why_joined(conn, story.coverage[0].entry_id) == "no open story tells this event"


def test_members_come_back_with_what_each_of_them_says(database: Database) -> None:
    with database.write() as conn:
        first = member(conn, "Meta weighs it")
        story = opened(conn, first)
        second = replace(member(conn, "Forum on Meta", at=NOW + DAY, trust=Trust.COMMUNITY), shift=Shift(denied=True))
        stories.join(conn, story.id, second, "Forum", "same lab")
    with database.read() as conn:
        assert stories.members(conn, story.id) == (first, second)


def test_an_edited_entry_stays_one_member(database: Database) -> None:
    """A18: an edit of an entry is no second outlet."""
    with database.write() as conn:
        one = member(conn, "Meta weighs it")
        story = opened(conn, one)
        edited = replace(one, shift=replace(SHIFT, stage=Stage.ANNOUNCED))
        stories.join(conn, story.id, edited, "The Byte", "")
    with database.read() as conn:
        assert stories.members(conn, story.id) == (edited,)
        assert stories.why_joined(conn, one.entry_id) == "no open story tells this event"


def test_an_update_changes_what_the_story_says_and_wakes_its_storyline(database: Database) -> None:
    with database.write() as conn:
        story = opened(conn, member(conn, "Meta weighs it"))
        later = replace(
            story, shift=replace(SHIFT, stage=Stage.EFFECTIVE), last_seen_at=NOW + DAY, severity=Severity.LOW
        )
        stories.update_story(conn, later)
    with database.read() as conn:
        assert stories.get(conn, story.id) == later
        assert [one.id for one in open_stories.closed_stories(conn, NOW + DAY)] == []


def test_a_storyline_comes_with_its_stories_and_steps(database: Database) -> None:
    step = Step(
        NOW,
        Stage.CONSIDERING,
        Direction.CLOSING,
        Reason.NEW_STORY,
        "Meta weighs it",
        "https://example.org/1",
        "The Byte",
    )
    with database.write() as conn:
        story = opened(conn, member(conn, "Meta weighs it"), previous_id=99, context="first closing by Meta")
        stories.add_step(conn, story, replace(step, at=NOW + DAY, stage=Stage.ANNOUNCED))
        stories.add_step(conn, story, step, story.coverage[0].entry_id)
    with database.read() as conn:
        found = stories.storyline_of(conn, story.storyline_id)
        assert found is not None
        assert (found.stories, found.previous_id, found.context) == ((story,), 99, "first closing by Meta")
        assert [one.stage for one in found.steps] == [Stage.CONSIDERING, Stage.ANNOUNCED]
        assert found.steps[0] == replace(step, story_id=story.id, seen_at=NOW)


def test_coverage_lists_the_best_source_first(database: Database) -> None:
    with database.write() as conn:
        story = opened(conn, member(conn, "Forum", trust=Trust.COMMUNITY))
        for trust in (Trust.PRESS, Trust.PRIMARY):
            stories.join(conn, story.id, member(conn, trust, at=NOW + DAY, trust=trust), trust, "")
    with database.read() as conn:
        found = stories.get(conn, story.id)
        assert found is not None
        assert [one.trust for one in found.coverage] == [Trust.PRIMARY, Trust.PRESS, Trust.COMMUNITY]


def test_an_index_read_from_the_database_places_as_the_one_before_the_restart(database: Database) -> None:
    with database.write() as conn:
        story = opened(conn, member(conn, "Meta weighs dropping its open Behemoth"))
        copy = member(conn, "Meta weighs dropping its open Behemoth - The Daily", at=NOW + DAY)
    with database.read() as conn:
        index = StoryIndex(open_stories.open_stories(conn, NOW - DAY))
    assert assign(copy, index, copy.seen_at).story_id == story.id


def test_a_story_that_is_over_is_linked_back_to(database: Database) -> None:
    with database.write() as conn:
        story = opened(conn, member(conn, "Meta weighs dropping its open Behemoth"))
        late = member(conn, "Behemoth to stay closed", at=NOW + 90 * DAY)
    with database.read() as conn:
        since = late.seen_at - 30 * DAY
        index = StoryIndex(open_stories.open_stories(conn, since))
        assert len(index) == 0
        for closed in open_stories.closed_stories(conn, since):
            index.shelve(closed)
    found = assign(late, index, late.seen_at)
    assert (found.story_id, found.previous_id) == (None, story.storyline_id)


def test_a_promise_that_is_not_due_keeps_its_story_open(database: Database) -> None:
    with database.write() as conn:
        story = opened(conn, member(conn, "Meta promises Behemoth in June"), due_at=NOW + 100 * DAY)
        stories.note(conn, story.storyline_id, due_at=NOW + 50 * DAY)  # an earlier date changes nothing
    with database.read() as conn:
        [found] = open_stories.open_stories(conn, NOW + 80 * DAY)
        assert (found.id, found.due_at) == (story.id, NOW + 100 * DAY)


def test_lists_leave_first_polls_out_unless_asked(database: Database) -> None:
    """A16: what a first poll finds is no news, and can be looked at."""
    with database.write() as conn:
        told = opened(conn, member(conn, "told"))
        silent = opened(conn, member(conn, "silent"), baseline=True)
    with database.read() as conn:
        wanted = stories.Wanted
        assert [one.id for one in stories.listing(conn)] == [told.id]
        assert [one.id for one in stories.listing(conn, wanted(baseline=True))] == [silent.id]
        assert len(stories.listing(conn, wanted(baseline=None))) == 2
        assert stories.count(conn) == 1


def test_stories_are_found_by_org_and_by_model(database: Database) -> None:
    with database.write() as conn:
        story = opened(conn, member(conn, "Meta weighs it"))
    with database.read() as conn:
        names = {"meta": True, "BEHEMOTH": True, "Met": False, "Acme": False}
        assert {
            name: [one.id for one in stories.listing(conn, stories.Wanted(name=name))] == [story.id] for name in names
        } == names


def test_the_record_of_an_org_is_what_was_stored_before(database: Database) -> None:
    with database.write() as conn:
        first = opened(conn, member(conn, "one"))
        second = opened(conn, member(conn, "two"))
    with database.read() as conn:
        assert stories.records(conn, ("Meta", "Met"), without=(second.storyline_id, None)) == {
            "Meta": [first.shift],
            "Met": [],
        }
        assert stories.records(conn, ()) == {}


def test_pruning_takes_a_quiet_storyline_with_all_that_hangs_on_it(database: Database) -> None:
    with database.write() as conn:
        old = opened(conn, member(conn, "old"))
        stories.add_step(conn, old, Step(NOW, Stage.NONE, Direction.UNCLEAR, Reason.NEW_STORY))
        alerts.add(conn, Alert(Reason.NEW_STORY, Severity.LOW), old.id, None, NOW)
        kept = opened(conn, member(conn, "new", at=NOW + 10 * DAY))
    with database.write() as conn:
        assert retention.prune_storylines(conn, NOW + DAY, 10) == 1
        assert [one.id for one in stories.listing(conn)] == [kept.id]
        assert alerts.of_story(conn, old.id) == []


def test_a_decision_is_recorded_with_its_reason(database: Database) -> None:
    told = Alert(Reason.STAGE_MOVED, Severity.HIGH, "considering → announced")
    muted = Alert(Reason.MUTED, Severity.HIGH, "", suppressed=True, note="mute 1")
    with database.write() as conn:
        story = opened(conn, member(conn, "Meta weighs it"))
        entry_id = story.coverage[0].entry_id
        first = alerts.add(conn, told, story.id, entry_id, NOW)
        alerts.add(conn, muted, story.id, entry_id, NOW + DAY)
        alerts.add(conn, Alert(Reason.NOTICE, Severity.MEDIUM, "a feed died"), None, None, NOW)
    with database.read() as conn:
        assert [one.alert for one in alerts.of_story(conn, story.id)] == [told, muted]
        assert [one.alert for one in alerts.of_entry(conn, entry_id)] == [told, muted]
        stored = alerts.get(conn, first)
        assert stored is not None
        assert (stored.story_id, stored.created_at) == (story.id, NOW)
        counts = alerts.counts(conn, NOW + DAY)
        assert (counts["muted"], counts["stage moved"], counts["held"]) == (1, 0, 0)


def test_a_mute_holds_until_its_end(database: Database) -> None:
    with database.write() as conn:
        long = mutes.add(conn, Mute(0, "org", "Meta", NOW + 2 * DAY, "anna"), NOW)
        short = mutes.add(conn, Mute(0, "feed", "byte", NOW + DAY), NOW)
    with database.read() as conn:
        assert mutes.active(conn, NOW) == [short, long]
        assert mutes.active(conn, NOW + DAY) == [long]
    with database.write() as conn:
        assert mutes.remove(conn, long.id)
        assert not mutes.remove(conn, long.id)
        assert mutes.forget(conn, NOW + 2 * DAY) == 1
