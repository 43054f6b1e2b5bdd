"""`stories`, `history`, `export`, `mute` and `routes`, run as a person runs them."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest

from monitor.cli.main import main
from monitor.model import Alert, Candidate, Coverage, Direction, Entry, Reason, Severity, Shift, Stage, Step, Trust
from monitor.rules.load import load_rules
from monitor.store import alerts, entries, hits, mutes, stories
from monitor.store.engine import Database
from monitor.stories import storyline
from monitor.web.ledger import as_atom

SEEN = datetime(2026, 3, 4, 12, tzinfo=UTC)
SHIFT = Shift(
    Direction.CLOSING, Stage.CONSIDERING, orgs=("Meta",), models=("Behemoth",), to="closed", evidence="Meta weighs it."
)
RULES = """
version: 1
vocabularies:
  lab: {kind: org, entities: [{name: Meta, terms: [=Meta, Meta AI]}, {name: OpenAI, terms: [OpenAI]}]}
  model: {kind: model, entities: [{name: Behemoth, terms: [=Behemoth]}]}
rules:
  - id: closing
    title: A lab closes a model
    severity: high
    when: |
      $lab AND closed
    shift: {direction: closing}
    must_match: [Meta keeps its model closed]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOGNAME", "anna")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("LICENSEWATCH_DATABASE_URL", raising=False)
    directory = tmp_path / "config"
    (directory / "rules").mkdir(parents=True)
    (directory / "monitor.yaml").write_text(
        "receivers: [{name: a, type: console}, {name: b, type: console}]\n"
        "routes:\n  - {match: {direction: closing}, to: [a]}\n  - {to: [b]}\n"
    )
    (directory / "feeds.yaml").write_text("feeds: [{id: byte, url: 'https://example.org/feed', tags: [press]}]\n")
    (directory / "rules" / "rules.yaml").write_text(RULES)
    return directory


@dataclass(frozen=True)
class Done:
    """How a command ended and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run(config: Path, *arguments: str) -> Done:
    """The command in this process: starting Python for each would take most of the time."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        main(["--config", str(config), *arguments])
    return Done(int(left.value.code or 0), out.getvalue(), err.getvalue())


def asked(config: Path, *arguments: str) -> Any:
    done = run(config, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def filled(config: Path) -> Path:
    """Two stories: one told, with two steps, and one from a first poll."""
    database = Database(f"sqlite:///{config.parent / 'var' / 'licensewatch.db'}")
    database.upgrade()
    with database.write() as conn:
        for number, title in enumerate(("=Meta weighs\x1b[31m keeping Behemoth closed", "An old story")):
            entry = Entry("byte", (f"k{number}",), title, url=f"https://example.org/{number}", published_at=SEEN)
            [entry_id] = entries.add(conn, [entry], now=SEEN, baseline=bool(number))
            one = Candidate(entry, SHIFT, SEEN, entry_id, Trust.PRESS, Severity.HIGH, ("closing",))
            coverage = Coverage(entry_id, "byte", "The Byte", title, entry.url, Trust.PRESS, SEEN, SEEN)
            storyline_id = stories.create_storyline(conn, stories.NewStoryline(SEEN, baseline=bool(number)))
            story = stories.create_story(conn, storyline_id, storyline.opened(one, coverage, baseline=bool(number)))
            stories.join(conn, story.id, one, "The Byte", "no open story tells this event")
            step = Step(SEEN, Stage.CONSIDERING, Direction.CLOSING, Reason.NEW_STORY, title, entry.url, "The Byte")
            stories.add_step(conn, story, step, entry_id)
            if not number:
                moved = replace(step, at=SEEN + timedelta(days=2), stage=Stage.ANNOUNCED, reason=Reason.STAGE_MOVED)
                stories.add_step(conn, story, moved)
            alerts.add(conn, Alert(Reason.NEW_STORY, Severity.HIGH), story.id, entry_id, SEEN)
    database.close()
    return config


def test_stories_list_as_json(filled: Path) -> None:
    [story] = asked(filled, "stories", "list")
    assert (story["id"], story["storyline"], story["severity"], story["outlets"]) == (1, 1, "high", 1)
    assert story["shift"]["direction"] == "closing"
    assert (story["first_seen"], story["entries"][0]["feed"]) == ("2026-03-04T12:00:00Z", "byte")
    assert set(story["entries"][0]) == {"feed", "title", "url", "published"}


def test_a_row_of_the_list_stays_a_line(filled: Path) -> None:
    with closing(sqlite3.connect(filled.parent / "var" / "licensewatch.db")) as connection, connection:
        connection.execute("UPDATE story SET title = ?", ("Meta closes its model " * 40,))
    lines = run(filled, "stories", "list").stdout.splitlines()
    assert (len(lines), max(map(len, lines)) <= 200, lines[-1].endswith("…")) == (3, True, True)


def test_baseline_stories_are_listed_when_asked_for(filled: Path) -> None:
    """A16: what the first polls would have told."""
    [story] = asked(filled, "stories", "list", "--baseline")
    assert story["title"] == "An old story"


def test_show_tells_why_entries_joined_and_what_was_decided(filled: Path) -> None:
    story = asked(filled, "stories", "show", "1")
    assert story["entries"][0]["why"] == "no open story tells this event"
    assert [step["stage"] for step in story["steps"]] == ["considering", "announced"]
    assert story["alerts"][0]["reason"] == "new story"


def test_show_tells_what_moved_the_severity_of_the_current_story_only(filled: Path) -> None:
    """A context that lowers a reversal is none of the closing that was told before it."""
    with Database(f"sqlite:///{filled.parent / 'var' / 'licensewatch.db'}").write() as conn:
        stories.note(conn, 1, context="lowered: Meta usually publishes its models")
        first = stories.get(conn, 1)
        assert first is not None
    assert asked(filled, "stories", "show", "1")["context"] == "lowered: Meta usually publishes its models"
    with Database(f"sqlite:///{filled.parent / 'var' / 'licensewatch.db'}").write() as conn:
        second = stories.create_story(conn, 1, first)
        step = Step(SEEN, Stage.REVERSED, Direction.OPENING, Reason.NEW_STORY_IN_STORYLINE)
        stories.add_step(conn, second, replace(step, at=SEEN + timedelta(days=9)))
    assert asked(filled, "stories", "show", "1")["context"] == ""


def test_tables_carry_no_control_characters(filled: Path) -> None:
    """A38: feed text is printed with control characters escaped."""
    for command in (("stories", "list"), ("stories", "show", "1"), ("history",)):
        done = run(filled, *command)
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout
        assert "Behemoth" in done.stdout


def test_a_story_that_does_not_exist_is_wrong_usage(filled: Path) -> None:
    done = run(filled, "stories", "show", "77")
    assert (done.returncode, "no story 77" in done.stderr) == (2, True)


def test_history_of_an_org_by_any_of_its_names(filled: Path) -> None:
    assert [row["id"] for row in asked(filled, "history", "meta ai")] == [1, 2]
    assert [row["id"] for row in asked(filled, "history", "Behemoth")] == [1, 2]
    versioned = run(filled, "history", "Behemoth 2")
    assert versioned.stdout == run(filled, "history", "Behemoth").stdout
    assert "Behemoth 2 is kept under the name Behemoth." in versioned.stderr
    assert asked(filled, "history", "OpenAI") == []
    for typed, said in (("OpenAI", "No shift of OpenAI is known.\n"), ("Behemot", "known. Did you mean Behemoth?")):
        assert said in run(filled, "history", typed).stderr
    assert asked(filled, "history", "--since", "2026-04-01") == []


def test_export_csv_has_a_row_a_shift_and_runs_nothing_in_a_spreadsheet(filled: Path) -> None:
    done = run(filled, "export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["orgs"] for row in rows] == ["Meta", "Meta"]
    assert rows[0]["title"].startswith("'=Meta")
    assert (
        rows[0]["steps"] == "2026-03-04 closing · considering (new story); 2026-03-06 closing · announced (stage moved)"
    )
    assert (rows[0]["first_poll"], rows[1]["first_poll"]) == ("no", "yes")


def test_a_storyline_of_two_stories_stands_once_with_each_step_once(filled: Path) -> None:
    """One place for the development; in a table each step stands in the row of the story that took it."""
    database = Database(f"sqlite:///{filled.parent / 'var' / 'licensewatch.db'}")
    with database.write() as conn:
        first = stories.get(conn, 1)
        assert first is not None
        later = replace(first, title="Meta turns around", first_seen_at=SEEN + timedelta(days=9))
        second = stories.create_story(conn, 1, later)
        step = Step(SEEN + timedelta(days=9), Stage.REVERSED, Direction.OPENING, Reason.NEW_STORY_IN_STORYLINE)
        stories.add_step(conn, second, step)
        stories.create_storyline(conn, stories.NewStoryline(SEEN + timedelta(days=60), previous_id=1))
        third = stories.create_story(conn, 3, replace(later, first_seen_at=SEEN + timedelta(days=60)))
    database.close()
    shown = run(filled, "history", "Behemoth").stdout
    assert shown.count("closing · considering (new story, The Byte)") == 2, "one for each storyline that began"
    assert shown.count("opening · reversed (new story in storyline)") == 1
    assert "Meta turns around" in shown
    assert (shown.count("storyline 1\n"), shown.count("storyline 3, continues storyline 1\n")) == (2, 1)
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(run(filled, "export", "--format", "csv").stdout))}
    assert (
        rows["1"]["steps"]
        == "2026-03-04 closing · considering (new story); 2026-03-06 closing · announced (stage moved)"
    )
    assert rows[str(second.id)]["steps"] == "2026-03-13 opening · reversed (new story in storyline)"
    assert rows[str(third.id)]["steps"] == ""
    assert [rows[str(one)]["previous_storyline"] for one in (1, third.id)] == ["", "1"]
    assert run(filled, "export", "--format", "atom").stdout.count("continues storyline 1<") == 1
    records = {row["id"]: row for row in asked(filled, "history")}
    assert (records[third.id]["previous_storyline"], records[1]["previous_storyline"]) == (1, None)
    assert [step["story"] for step in records[1]["steps"]] == [1, 1, second.id]


def test_export_json_is_the_ledger(filled: Path) -> None:
    rows = json.loads(run(filled, "export", "--format", "json").stdout)
    assert rows[0]["sources"][0]["url"] == "https://example.org/0"
    assert rows[0]["steps"][1]["reason"] == "stage moved"


def test_export_atom_is_a_valid_feed(filled: Path) -> None:
    """What we export can be polled: a feed reader finds nothing to complain about."""
    done = run(filled, "export", "--format", "atom")
    parsed = feedparser.parse(io.BytesIO(done.stdout.encode()))
    assert (parsed.version, parsed.bozo, len(parsed.entries)) == ("atom10", False, 2)
    first = next(entry for entry in parsed.entries if "Behemoth" in entry.title)
    assert first.link == "https://example.org/0"
    assert first.id.startswith("urn:uuid:")
    assert "2026-03-06 closing · announced (stage moved, The Byte)" in first.content[0].value
    assert parsed.feed.updated_parsed
    assert parsed.feed.author


def test_an_exported_entry_is_updated_when_its_storyline_moves_and_links_as_the_standard_asks() -> None:
    """RFC 4287: readers that know the id look at `updated`; an address no IRI may hold is escaped, not left out."""
    day = datetime(2026, 3, 2, tzinfo=UTC)
    source = {"outlet": "The Byte", "title": "T", "published": day, "trust": "press"}
    row = {
        "id": 1,
        "title": "Acme & <Tern>",
        "orgs": (),
        "models": (),
        "direction": "closing",
        "stage": "announced",
        "object": "weights",
        "from": "",
        "to": "",
        "evidence": "",
        "first_seen": day,
        "last_seen": day,
        "outlets": [],
        "sources": [{**source, "url": "https://a.example/x [1]|2"}, {**source, "url": "http://[::1]/%20y"}],
        "steps": [],
    }
    step = {"at": day, "seen": day + timedelta(days=9), "stage": "reversed", "reason": "stage moved", "outlet": ""}
    step["direction"] = "opening"
    before, after = (feedparser.parse(as_atom([{**row, "steps": steps}], day)) for steps in ([], [step]))
    assert before.entries[0].id == after.entries[0].id
    assert (before.entries[0].updated, after.entries[0].updated) == ("2026-03-02T00:00:00Z", "2026-03-11T00:00:00Z")
    assert after.feed.updated == "2026-03-11T00:00:00Z"
    written = [link.href for link in after.entries[0].links]
    assert written == ["https://a.example/x%20%5B1%5D%7C2", "http://[::1]/%20y"]


def test_export_of_nothing_is_valid_too(config: Path) -> None:
    parsed = feedparser.parse(io.BytesIO(run(config, "export", "--format", "atom").stdout.encode()))
    assert (parsed.version, parsed.bozo, parsed.entries) == ("atom10", False, [])


def test_a_mute_has_an_end_and_a_name(filled: Path) -> None:
    added = asked(filled, "mute", "add", "org", "meta ai", "--for", "7d")
    assert (added["kind"], added["value"], added["by"]) == ("org", "Meta", "anna")
    assert [mute["id"] for mute in asked(filled, "mute", "list")] == [added["id"]]
    assert asked(filled, "mute", "remove", str(added["id"])) == {"removed": added["id"]}
    assert asked(filled, "mute", "list") == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("org", "Meta"), "has an end"),
        (("org", "Meta", "--for", "7d", "--until", "2099-01-01"), "give one of them"),
        (("org", "Meta", "--for", "soon"), "--for soon"),
        (("org", "Meta", "--until", "2020-01-01"), "is over"),
        (("feed", "bite", "--for", "1d"), "Did you mean byte?"),
        (("rule", "closings", "--for", "1d"), "Did you mean closing?"),
        (("story", "77", "--for", "1d"), "no story 77"),
    ],
)
def test_a_mute_that_cannot_be_meant_is_refused(filled: Path, arguments: tuple[str, ...], complaint: str) -> None:
    done = run(filled, "mute", "add", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    database = Database(f"sqlite:///{filled.parent / 'var' / 'licensewatch.db'}")
    with database.read() as conn:
        assert mutes.active(conn, SEEN) == []
    database.close()


def test_why_of_an_edited_entry_quotes_the_text_that_matched(filled: Path) -> None:
    """Places in a text say nothing of the next one: words that matched are quoted from what matched, or found anew."""
    database = Database(f"sqlite:///{filled.parent / 'var' / 'licensewatch.db'}")
    with database.write() as conn:
        read = Entry("byte", ("k9",), "Meta keeps its model closed", url="https://example.org/9")
        [entry_id] = entries.add(conn, [read], now=SEEN, baseline=False)
        hits.add(conn, entry_id, load_rules([filled / "rules" / "rules.yaml"]).match(read), SEEN, False)
        entries.revise(conn, entry_id, replace(read, title="Weather: not a cloud over Menlo Park"), SEEN)
    shown = run(filled, "why", str(entry_id)).stdout
    assert "in a text since edited or gone: “Meta”, “closed”\n" in shown
    assert [hit["spans"] for hit in asked(filled, "why", str(entry_id))[0]["hits"]] == [[]]
    with database.write() as conn:
        entries.revise(conn, entry_id, replace(read, title="The model stays closed, Meta says"), SEEN)
    database.close()
    assert "title “closed”, title “Meta”" in run(filled, "why", str(entry_id)).stdout


def test_a_denial_that_was_overruled_is_said_no_more(filled: Path) -> None:
    database = Database(f"sqlite:///{filled.parent / 'var' / 'licensewatch.db'}")
    with database.write() as conn:
        first = stories.get(conn, 1)
        assert first is not None
        stories.update_story(conn, replace(first, shift=replace(first.shift, denied=True)))
        step = Step(SEEN + timedelta(days=1), Stage.CONSIDERING, Direction.CLOSING, Reason.DENIED)
        stories.add_step(conn, first, step)  # the announcement came a day later
    assert asked(filled, "stories", "list")[0]["shift"]["denied"] is False
    told = (run(filled, *words.split()).stdout for words in ("stories list", "stories show 1", "history"))
    assert all("considering · denied" not in one and "a denial was" not in one for one in told)
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(run(filled, "export", "--format", "csv").stdout))}
    assert rows["1"]["denied"] == "no"
    with closing(database), database.write() as conn:
        stories.add_step(conn, first, replace(step, at=SEEN + timedelta(days=3), stage=Stage.ANNOUNCED))
    assert "a denial was reported" in run(filled, "history").stdout, "and one that came since is"


def test_routes_test_says_where_and_why(filled: Path) -> None:
    assert asked(filled, "routes", "test", "--story", "1")["receivers"] == ["a"]
    made_up = asked(filled, "routes", "test", "--direction", "opening")
    assert made_up["receivers"] == ["b"]
    assert made_up["why"] == ["route 1: no, direction is opening, wanted closing", "route 2: yes, to b"]


@pytest.mark.parametrize(
    "words", ["why {}", "stories show {}", "mute add story {} --for 1h", "mute remove {}", "routes test --story {}"]
)
@pytest.mark.parametrize("number", ["9" * 23, "²", "998"])
def test_a_number_that_names_nothing_is_an_error_in_one_sentence(filled: Path, words: str, number: str) -> None:
    refused = run(filled, *words.format(number).split())
    assert refused.returncode == 2
    assert refused.stderr
    assert "Traceback" not in refused.stderr


def test_why_of_a_number_speaks_of_no_link(filled: Path) -> None:
    assert "There is no entry 998" in run(filled, "why", "998").stderr


LABELLED = [
    {"id": "1", "title": "Meta keeps Behemoth closed", "label": "shift", "story_id": "x", "published": "2026-03-04",
     "direction": "closing", "stage": "announced", "orgs": ["Meta"], "models": ["Behemoth"]},
    {"id": "2", "title": "Behemoth: no open weights from Meta", "label": "shift", "story_id": "x", "published": "",
     "direction": "closing", "stage": "announced", "orgs": ["Meta"], "models": ["Behemoth"]},
    {"id": "3", "title": "OpenAI opens a speech model", "label": "shift", "story_id": "y", "published": "2026-03-01"},
    {"id": "4", "title": "Weather today", "label": "none", "story_id": "neg-4", "published": "2026-03-01"},
]  # fmt: skip


def test_stories_eval_scores_labelled_lines(config: Path) -> None:
    file = config.parent / "labelled.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in LABELLED))
    result = asked(config, "stories", "eval", str(file))
    assert (result["b_cubed_precision"], result["b_cubed_recall"], result["b_cubed_f1"]) == (1.0, 1.0, 1.0)
    assert (result["merged_wrongly"], result["items"], result["events"]) == ([], 3, 2)
    assert result["own"]["b_cubed_precision"] == 1.0


def test_stories_eval_names_the_line_it_cannot_read(config: Path) -> None:
    file = config.parent / "labelled.jsonl"
    file.write_text('{"id": "1", "title": "a"}\nno json\n')
    done = run(config, "stories", "eval", str(file))
    assert (done.returncode, "labelled.jsonl:2" in done.stderr) == (2, True)


CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "licensing.jsonl"


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the labelled corpus is not beside this checkout")
def test_stories_of_the_corpus_come_together(config: Path) -> None:
    """B-cubed F1 of at least 0.93 at a precision of at least 0.97."""
    result = asked(config, "stories", "eval", str(CORPUS))
    assert result["b_cubed_precision"] >= 0.97
    assert result["b_cubed_f1"] >= 0.93


def test_a_slip_in_what_routes_are_tested_with_is_an_error(filled: Path) -> None:
    """Answered as if it were right, it would hide the mistake that the person looks for."""
    for words, said in (
        ("--rule clozing", "There is no rule clozing. Did you mean closing?"),
        ("--feed-tag quux", "No feed has the tag quux."),
        ("--severity hihg", "Invalid value for '--severity': 'hihg' is not one of 'low'"),
    ):
        refused = run(filled, "routes", "test", *words.split())
        assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
