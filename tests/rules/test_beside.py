"""Rules that a copy of the process makes, and rules kept from one start to the next."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.rules import kept
from monitor.rules.beside import Beside
from monitor.rules.load import compile_rules, load_rules, rule_files
from monitor.rules.rule_set import RuleSet
from tests.rules.helpers import entry

RULES = """
vocabularies:
  labs: {kind: org, entities: [{name: Meta, terms: [Meta AI, =Meta]}]}
rules:
  - id: closing
    title: A lab closes a model
    when: $labs NEAR/8 (clos* OR /clos(ed|ing)/)
    shift: {direction: closing}
    must_match: [{title: Meta is closing its model, expect: {orgs: [Meta], direction: closing}}]
"""
PACK = Path(__file__).parents[2] / "config" / "rules"


def rule_file(directory: Path, text: str = RULES) -> Path:
    file = directory / "r.yaml"
    file.write_text(text)
    return file


def beside(file: Path) -> Beside:
    return Beside(lambda: compile_rules([file]), lambda rules: kept.keep(file.parent, kept.key_of([file]), rules))


def test_examples_that_hold_are_known_and_the_rules_kept_when_that_is_wanted(tmp_path: Path) -> None:
    file = rule_file(tmp_path)
    with beside(file) as examples:
        assert not examples.compiled().examples_passed
        assert examples.compiled().match(entry("Meta is closing its model"))
        assert examples.checked().examples_passed == load_rules([file]).examples_passed
        assert examples.checked() is examples.checked()
    assert [path.name for path in tmp_path.iterdir()] == ["r.yaml"]
    with beside(file) as examples:
        examples.checked()
        examples.keep()
    assert kept.knows(tmp_path, kept.key_of([file]))
    found = kept.recall(tmp_path, kept.key_of([file]))
    assert found is not None
    assert found.examples_passed == load_rules([file]).examples_passed
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}[kept.NAME] == 0o600
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # nothing is left of the copies


@pytest.mark.parametrize("with_a_thread", [False, True])
@pytest.mark.parametrize(
    ("written", "broken", "said"),
    [("closing its", "opening its", "does not match its example"), ("$labs", "$labz", "no vocabulary")],
)
def test_what_is_wrong_is_said_as_it_is_everywhere(
    tmp_path: Path, written: str, broken: str, said: str, with_a_thread: bool
) -> None:
    """In examples or in rules. A process with threads, of which a copy would have none, is not copied."""
    file = rule_file(tmp_path, RULES.replace(written, broken).replace("shift:", "tags: [x]\n    shift:"))
    with pytest.raises(ConfigError) as told:
        load_rules([file])
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    if with_a_thread:
        thread.start()
    with beside(file) as examples:
        end.set()
        with pytest.raises(ConfigError) as found:
            examples.checked()
    if with_a_thread:
        thread.join()
    assert found.value.problems == told.value.problems
    assert said in str(found.value)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_copy_that_dies_says_nothing_and_its_work_is_done_here(tmp_path: Path, compiled: bool) -> None:
    file = rule_file(tmp_path, RULES.replace("closing its", "opening its"))
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    with beside(file) as examples:
        if compiled:
            examples.compiled()
        (copy,) = children.read_text().split()
        os.kill(int(copy), signal.SIGKILL)
        with pytest.raises(ConfigError, match="does not match its example"):
            examples.checked()
        examples.keep()
    assert not (tmp_path / kept.NAME).exists()


def test_kept_rules_are_the_rules_of_the_pack(tmp_path: Path) -> None:
    """What is kept matches and reads as what was compiled: the hits of every example of the pack are equal."""
    files = rule_files([PACK])
    made = compile_rules(files)
    kept.keep(tmp_path, kept.key_of(files), made.rules)
    found = kept.recall(tmp_path, kept.key_of(files))
    assert found is not None
    assert found.sifter == made.rules.sifter
    titles = [example.text for form, _ in made.forms for example in form.must_match if hasattr(example, "text")]
    hits = [made.rules.match(entry(title)) for title in titles]
    assert sum(map(bool, hits)) >= 60
    assert [found.match(entry(title)) for title in titles] == hits


def test_what_was_touched_or_is_no_rules_is_not_believed(tmp_path: Path) -> None:
    """A rule file with one other byte or name, another program, a damaged file; and a pickle that calls something."""
    file = rule_file(tmp_path)
    key, rules = kept.key_of([file]), load_rules([file])
    place = tmp_path / kept.NAME

    def found() -> RuleSet | None:
        return kept.recall(tmp_path, key)

    assert found() is None
    kept.keep(tmp_path / "nowhere", key, rules)
    kept.keep(tmp_path, key, rules)
    assert found() is not None
    whole = place.read_bytes()
    renamed = file.rename(tmp_path / "s.yaml")
    assert key not in (kept.key_of([renamed]), kept.key_of([rule_file(tmp_path, RULES + " ")]))
    assert kept.key_of([tmp_path / "gone.yaml"]) == b""
    for broken in (b"", whole[:-1], whole[:60] + b"x" + whole[61:], b"x" + whole[1:]):
        place.write_bytes(broken)
        assert found() is None
    called = tmp_path / "called"
    for hostile in (_Calls(os.mkdir, str(called)), _Calls(Path, "x"), ["no rules"]):
        pickled = pickle.dumps(hostile)
        place.write_bytes(key + kept._digest(pickled) + pickled)
        assert found() is None
    assert not called.exists()


class _Calls:
    """What makes whoever unpickles it call something."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call[0], self.call[1:]
