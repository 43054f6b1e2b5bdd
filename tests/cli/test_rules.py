"""`rules list, test, explain, eval, backtest`, run as a person runs them."""

from __future__ import annotations

import io
import json
import lzma
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor import urls
from monitor.cli.main import main
from monitor.model import Entry
from monitor.store import entries
from monitor.store.engine import Database

RULES = """
vocabularies:
  lab: {kind: org, entities: [{name: Meta, terms: [=Meta]}, {name: OpenAI, terms: [OpenAI]}]}
rules:
  - id: closing
    title: A lab closes a model
    severity: high
    when: |
      $lab AND closed
    shift: {direction: closing}
    must_match: [Meta keeps its model closed]
"""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("LICENSEWATCH_DATABASE_URL", raising=False)
    directory = tmp_path / "config"
    (directory / "rules").mkdir(parents=True)
    (directory / "monitor.yaml").write_text("receivers: [{name: a, type: console}]\nroutes: [{to: [a]}]\n")
    (directory / "feeds.yaml").write_text("feeds: [{id: byte, url: 'https://example.org/feed', tags: [press]}]\n")
    (directory / "rules" / "rules.yaml").write_text(RULES)
    return directory


def run(config: Path, *words: str) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(["--config", str(config), "rules", *words])
    code = ended.value.code
    return Done(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


def stored(config: Path, *titles: str) -> None:
    """Entries of the feed, a day apart, in the database of the configuration."""
    with redirect_stdout(io.StringIO()), pytest.raises(SystemExit):
        main(["--config", str(config), "db", "upgrade"])
    database = Database(f"sqlite:///{next((config.parent / 'var').glob('*.db'))}")
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    with database.write() as conn:
        for number, title in enumerate(titles):
            url = f"https://example.org/{number}"
            one = Entry("byte", (f"k{number}",), title, url=url, text_hash=str(number))
            entries.add(conn, [one], now=begin + timedelta(days=number), baseline=False)


def test_list_shows_rules_with_their_place(config: Path) -> None:
    (rule,) = run(config, "list", "--json").json
    assert (rule["id"], rule["severity"]) == ("closing", "high")
    assert rule["place"].endswith("rules.yaml:5:9")
    assert "A lab closes a model" in run(config, "list").out


def test_test_shows_hits_and_the_shift_they_read(config: Path) -> None:
    (shown,) = run(config, "test", "Meta keeps it closed", "--json").json
    assert shown["hits"][0]["shift"]["orgs"] == ["Meta"]
    assert "no rule matches" in run(config, "test", "Nothing here").out
    assert "closing · n/a" in run(config, "test", "Meta keeps it closed").out


def test_a_summary_may_be_tried_without_a_title(config: Path) -> None:
    done = run(config, "test", "--summary", "Meta closes its open model.", "--json")
    assert done.code == 0
    assert done.json[0]["title"] == ""


def test_test_reads_files_of_titles_and_of_objects(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_text('Meta stays closed\n{"title": "A day", "summary": "OpenAI is closed"}\n\nnothing\n')
    found = run(config, "test", "--file", str(file), "--json").json
    assert [len(one["hits"]) for one in found] == [1, 1, 0]


def test_test_and_explain_take_the_url_of_a_stored_entry(config: Path) -> None:
    """A23: for what a feed really brought."""
    stored(config, "Meta's model stays closed", "Meta opens")
    assert urls.is_web("https://example.org/0")
    (shown,) = run(config, "test", "https://example.org/0", "--json").json
    assert [hit["rule"] for hit in shown["hits"]] == ["closing"]
    (explained,) = run(config, "explain", "closing", "https://example.org/1", "--json").json
    clauses = explained["explained"]["parts"][0]["parts"][0]["parts"]
    assert [(one["clause"], one["matched"]) for one in clauses] == [("$lab", True), ("closed", False)]
    assert run(config, "test", "https://example.org/99").code == 2


def test_explain_draws_the_tree(config: Path) -> None:
    shown = run(config, "explain", "closing", "Meta opens \x1b[31m").out
    assert "✓ $lab  Meta" in shown
    assert "✗ closed" in shown
    assert "\x1b" not in shown
    assert run(config, "explain", "nope", "x").code == 2


def test_show_prints_the_rule_as_its_file_has_it(config: Path) -> None:
    """A23: with its place, and nothing of the rules beside it."""
    shown = run(config, "show", "closing").out
    assert "rules.yaml:5:9" in shown
    assert "$lab AND closed" in shown
    assert "vocabularies" not in shown
    assert run(config, "show", "closing", "--json").json["severity"] == "high"


def test_a_mistyped_rule_is_named_with_its_nearest(config: Path) -> None:
    for command in (("show", "closign"), ("explain", "closign", "x")):
        done = run(config, *command)
        assert done.code == 2
        assert "Did you mean closing?" in done.err


def test_nothing_to_look_at_is_said_and_no_success(config: Path, tmp_path: Path) -> None:
    """An empty file or text in a script is a mistake, not a pack that matches nothing."""
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    for command in (("test", "--file", str(empty)), ("eval", str(empty))):
        done = run(config, *command)
        assert done.code == 2
        assert "empty.jsonl" in done.err
    for typed in ("", "  "):
        done = run(config, "test", typed, "--json")
        assert (done.code, done.out) == (2, "")
        assert "give a title" in done.err
    gone = run(config, "eval", str(tmp_path / "gone.jsonl"))
    assert gone.code == 2
    assert "No such file" in gone.err
    assert "Errno" not in gone.err


def test_eval_prints_the_figures_of_the_contract(config: Path, tmp_path: Path) -> None:
    rows = [
        {"id": "1", "title": "Meta closed it", "label": "shift", "direction": "closing", "orgs": ["Meta"]},
        {"id": "2", "title": "OpenAI opens", "label": "shift", "direction": "opening"},
        {"id": "3", "title": "OpenAI closed a round", "label": "none"},
        {"id": "4", "title": "Weather", "stream": "news"},
    ]
    file = tmp_path / "rows.jsonl.xz"
    with lzma.open(file, "wt") as out:
        out.write("\n".join(map(json.dumps, rows)))
    record = run(config, "eval", str(file), "--json").json
    wanted = {"items", "precision", "recall", "f1", "strict", "direction_accuracy", "stage_accuracy", "org_f1"}
    assert wanted | {"model_f1", "false_positives", "false_negatives", "alerts_per_1000", "by_stream"} <= set(record)
    assert (record["precision"], record["recall"], record["org_f1"]) == (0.5, 0.5, 1.0)
    assert (record["false_positives"], record["false_negatives"]) == (["3"], ["2"])
    assert "OpenAI opens" in run(config, "eval", str(file)).out


def test_eval_names_the_line_that_is_no_object(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"id": "1", "title": "a"}\n{"id": 2}\n')
    done = run(config, "eval", str(file))
    assert done.code == 2
    assert "rows.jsonl:2" in done.err
    file.write_text('{"id": "1", "title": "a", "label": "shft"}\n')
    assert "rows.jsonl:1: found the label 'shft'" in run(config, "eval", str(file)).err


def test_backtest_shows_hits_gained_and_lost(config: Path, tmp_path: Path) -> None:
    stored(config, "Meta's model stays closed", "Meta opens a model", "Weather")
    candidate = tmp_path / "rules.yaml"
    candidate.write_text(RULES.replace("$lab AND closed", "$lab AND opens").replace("keeps its model closed", "opens"))
    record = run(config, "backtest", str(candidate), "--json").json
    assert [one["title"] for one in record["gained"]] == ["Meta opens a model"]
    assert [one["title"] for one in record["lost"]] == ["Meta's model stays closed"]
    assert record["matches_a_week"] == {"now": 3.5, "candidate": 3.5}
    assert "Gained" in run(config, "backtest", str(candidate)).out


def test_backtest_fails_when_an_example_breaks_so_it_can_guard_a_pull_request(config: Path, tmp_path: Path) -> None:
    candidate = tmp_path / "rules.yaml"
    candidate.write_text(RULES.replace("$lab AND closed", "$lab AND shut"))
    done = run(config, "backtest", str(candidate))
    assert done.code == 2
    assert "does not match its example" in done.err


def test_backtest_tells_what_is_wrong_with_the_files_it_is_given(config: Path, tmp_path: Path) -> None:
    """A wrong path must not pass a pull request as if it held no rules; nor may YAML cut a query in silence."""
    rules = tmp_path / "candidate" / "rules"
    rules.mkdir(parents=True)
    (rules / ".#own.yaml").symlink_to("nobody@nowhere")
    for wrong, said in ((rules, "no directory of rule files"), (rules.parent, f"Did you mean {rules}?")):
        done = run(config, "backtest", str(wrong))
        assert (done.code, said in done.err) == (2, True)
    (rules / "own.yaml").write_text("rules: [{id: a, title: t, when: open # OR closed\n}]")
    done = run(config, "backtest", str(rules), str(rules), "--json")
    assert (done.code, "YAML cut this query" in done.err) == (0, True)
