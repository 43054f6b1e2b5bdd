"""Strict YAML: what is read, what is refused, and that every refusal names its place."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from datetime import time as clock
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from monitor import yamlfile
from monitor.errors import ConfigError
from monitor.yamlfile import Duration, MappingNode, Node, ScalarNode, Size


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True)
class Inner:
    interval: Duration = timedelta(minutes=15)
    size: Size = 1024
    workers: Annotated[int, Field(ge=1)] = 4
    proxy: str | None = None


@dataclass(frozen=True)
class Cat:
    name: str
    type: Literal["cat"] = "cat"
    lives: int = 9


@dataclass(frozen=True)
class Dog:
    name: str
    type: Literal["dog"] = "dog"
    age: timedelta | None = None


Pet = Annotated[Cat | Dog, Field(discriminator="type")]


@dataclass(frozen=True)
class Span:
    start: date
    end: date
    at: clock = clock(8)
    steps: Annotated[tuple[int, ...], Field(min_length=1)] = (1,)

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("the end comes before the start")


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    from_: str = ""
    colour: Colour = Colour.RED
    paused: bool = False
    share: float = 0.5
    tags: tuple[str, ...] = ()
    pets: tuple[Pet, ...] = ()
    either: str | tuple[str, ...] = ""
    named: dict[str, int] = field(default_factory=dict)
    raw: Node | None = None


def read(text: str | bytes, type_: Any = Outer) -> Any:
    return yamlfile.typed(yamlfile.parse(text, "f.yaml"), type_)


def complaints(text: str | bytes, type_: Any = Outer) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        yamlfile.typed(yamlfile.parse(text, "f.yaml"), type_)
    return [str(problem) for problem in caught.value.problems]


def test_every_scalar_is_text_until_the_schema_types_it() -> None:
    """`on: yes`, `12:30:45` and `0x10` stay what was written."""
    assert yamlfile.plain(yamlfile.parse("on: yes\nat: 12:30:45\nhex: 0x10\nnone: null", "f.yaml")) == {
        "on": "yes",
        "at": "12:30:45",
        "hex": "0x10",
        "none": "null",
    }


def test_a_mapping_becomes_a_frozen_dataclass() -> None:
    """Sections, enums, unions, tuples, durations and sizes are read as annotated; the rest keeps its default."""
    value = read(
        "inner: {interval: 1h30m, size: 2KiB, proxy: null}\nfrom: here\ncolour: green\npaused: true\nshare: 0.25\n"
        "tags: [a, b]\npets:\n  - {type: dog, name: Rex, age: 3d}\n  - {type: cat, name: Tom}\nnamed: {x: 1}\n"
    )
    assert value.inner == Inner(timedelta(minutes=90), 2048, 4, None)
    assert (value.from_, value.colour, value.paused, value.share, value.tags) == (
        "here",
        Colour.GREEN,
        True,
        0.25,
        ("a", "b"),
    )
    assert value.pets == (Dog("Rex", age=timedelta(days=3)), Cat("Tom"))
    assert value.named == {"x": 1}


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert read("# only a comment\n") == Outer()


def test_one_value_or_a_list() -> None:
    assert read("either: a").either == "a"
    assert read("either: [a, b]").either == ("a", "b")


def test_a_node_field_keeps_its_place() -> None:
    node = read("tags: []\nraw: |\n  text\n").raw
    assert isinstance(node, ScalarNode)
    assert (node.line, node.text) == (2, "text\n")


REFUSED = {
    "unknown key, with the nearest name": ("colur: red", "f.yaml:1:1: unknown key 'colur' (did you mean 'colour'?)"),
    "unknown key, nothing near": ("zzz: 1", "f.yaml:1:1: unknown key 'zzz' (allowed: inner, from, colour,"),
    "key of a section": ("workers: 1", "f.yaml:1:1: unknown key 'workers' (it belongs under 'inner')"),
    "duplicate key": ("a: 1\nb: 2\na: 3", "f.yaml:3:1: the key 'a' stands here a second time (first in line 1)"),
    "alias": ("from: *wash", "f.yaml:1:7: an alias (*wash) is not allowed"),
    "anchor": ("from: &x 1", "f.yaml:1:7: an anchor (&x) is not allowed"),
    "tag": ("from: !secret x", "f.yaml:1:7: a tag (!secret) is not allowed"),
    "python tag": ("from: !!python/name:os.system x", "f.yaml:1:7: a tag (tag:yaml.org,2002:python/name:os.system)"),
    "merge key": ("inner:\n  <<: {}", "f.yaml:2:3: a merge key (<<) is not allowed"),
    "tab": ("inner:\n\tsize: 1KiB", "f.yaml:2:1: a tab cannot indent YAML (indent with spaces)"),
    "control character": ("from: a\x07b", "f.yaml:1:8: there is a control character here (U+0007)"),
    "bidi override": ("tags: [a, \u202eb]", "f.yaml:1:11: there is a control character here (U+202E)"),
    "escape to a control character": ('from: "\\bopen\\b"', "f.yaml:1:8: an escape here makes a control character"),
    "two documents": ("from: a\n---\nfrom: b", "f.yaml:2:1: a second document begins here"),
    "unfinished list": ("tags: [a", "f.yaml:2:1: did not find expected ',' or ']'"),
    "colon in plain text": ("tags:\n  - Meta: b: c", "f.yaml:2:12: a colon and a space inside a value need quotes"),
    "quoted start of a query": ('from: "a" OR b', "f.yaml:1:11: did not find expected key while parsing a block"),
    "at sign": ("from: @x", "f.yaml:1:7: a value cannot begin with @"),
    "unknown escape": ('from: "\\q"', "f.yaml:1:8: unknown escape in double quotes"),
    "list as key": ("? [a]\n: 1", "f.yaml:1:3: a key must be text"),
    "wrong choice": ("colour: gren", "f.yaml:1:9: colour: found 'gren', allowed: red, green (did you mean 'green'?)"),
    "number without unit": ("inner: {interval: 15}", "f.yaml:1:19: inner.interval: found '15': a duration is a number"),
    "size without unit": ("inner: {size: 15}", "f.yaml:1:15: inner.size: found '15': a size is a number"),
    "limit": ("inner: {workers: 0}", "f.yaml:1:18: inner.workers: found '0': input should be greater than or equal"),
    "no number": ("inner: {workers: many}", "f.yaml:1:18: inner.workers: found 'many': a whole number is wanted"),
    "no truth value": ("paused: yes", "f.yaml:1:9: paused: found 'yes': true or false is wanted"),
    "list where a text belongs": ("from: [a]", "f.yaml:1:7: from: found a list, a single value is wanted"),
    "text where a list belongs": ("tags: a", "f.yaml:1:7: tags: found 'a', a list is wanted (write [a])"),
    "text where a mapping belongs": ("inner: a", "f.yaml:1:8: inner: found 'a', a mapping (key: value) is wanted"),
    "nothing where a mapping belongs": ("inner:", "f.yaml:1:7: inner: found nothing, a mapping (key: value) is wanted"),
    "mapping where neither belongs": (
        "either: {a: b}",
        "f.yaml:1:9: either: found a mapping, a single value or a list",
    ),
    "missing key": ("pets: [{type: cat}]", "f.yaml:1:8: pets[1]: the key 'name' is missing"),
    "unknown kind": ("pets: [{type: cow, name: A}]", "f.yaml:1:15: pets[1].type: found 'cow', allowed: cat, dog"),
    "key of the other kind": ("pets: [{type: dog, name: A, lives: 1}]", "f.yaml:1:29: pets[1]: unknown key 'lives'"),
    "kind not named": ("pets: [{name: A}]", "f.yaml:1:8: pets[1]: the key 'type' is missing (one of: cat, dog)"),
    "a list as document": ("- a", "f.yaml:1:1: found a list, a mapping (key: value) is wanted"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_names_its_place_and_the_mend(name: str) -> None:
    """A20: file:line:column, the key, what was found, what is allowed, the nearest name."""
    text, expected = REFUSED[name]
    assert complaints(text)[0].startswith(expected), complaints(text)


SPANS = {
    "start: 2026-1-1\nend: 2026-02-01": "f.yaml:1:8: start: found '2026-1-1': a date is wanted, such as 2026-01-31",
    "start: 2026-02-30\nend: 2026-02-01": "f.yaml:1:8: start: found '2026-02-30': day is out of range for month",
    "start: 2026-02-02\nend: 2026-02-01": "f.yaml:1:1: the end comes before the start",
    "start: 2026-02-02\nend: 2026-02-03\nat: 8": "f.yaml:3:5: at: found '8': a time of day is wanted, such as 07:30",
    "start: 2026-02-02\nend: 2026-02-03\nsteps: []": "f.yaml:3:8: steps: found a list: tuple should have at least 1",
}


@pytest.mark.parametrize("text", SPANS)
def test_dates_times_limits_and_checks_of_the_whole_are_held(text: str) -> None:
    """What a dataclass itself refuses is a mistake of its mapping; what a limit refuses, of its value."""
    assert complaints(text, Span)[0].startswith(SPANS[text])
    good = read("start: 2026-01-31\nend: 2026-02-01\nat: 22:00\nsteps: [1, 2]", Span)
    assert good == Span(date(2026, 1, 31), date(2026, 2, 1), clock(22), (1, 2))


def test_all_mistakes_are_named_at_once_in_file_order() -> None:
    found = complaints("colour: blue\ninner:\n  workers: x\n  sizze: 1KiB\ntags: a\n")
    assert [line.split(" ")[0] for line in found] == ["f.yaml:1:9:", "f.yaml:3:12:", "f.yaml:4:3:", "f.yaml:5:7:"]


MERGE_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("bomb", [MERGE_BOMB, "m0: &m0 {a: 1}\n" + "m1: {<<: [" + ", ".join(["*m0"] * 60) + "]}\n"])
def test_a_yaml_bomb_is_refused_at_once(bomb: str) -> None:
    """A22: a 400-byte bomb of aliases or merge keys is refused in at most 0.1 s."""
    started = time.perf_counter()
    assert "not allowed" in complaints(bomb)[0]
    assert time.perf_counter() - started < 0.1


def test_nesting_has_an_end() -> None:
    """50,000 brackets are refused, not recursed into."""
    assert complaints("a: " + "[" * 50_000) == ["f.yaml:1:23: nested deeper than 20 levels"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("from: é\n".encode("latin-1"), "f.yaml:1:7: byte 0xe9 is not UTF-8 (save the file as UTF-8)"),
        ("é: 1\nfrom: ".encode() + b"\xff", "f.yaml:2:7: byte 0xff is not UTF-8"),
        ("from: a".encode("utf-16"), "f.yaml:1:1: the file is UTF-16 (save it as UTF-8)"),
        (b"from: a\x00", "f.yaml:1:8: there is a control character here (U+0000)"),
    ],
)
def test_bad_encodings_name_the_byte(data: bytes, expected: str) -> None:
    assert complaints(data)[0].startswith(expected)


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    value = read("\ufefffrom: a\r\ncolour: green\r\n".encode())
    assert (value.from_, value.colour) == ("a", Colour.GREEN)


def test_columns_count_characters_not_bytes() -> None:
    assert complaints("inner: {proxy: ééé, workers: x}")[0].startswith("f.yaml:1:30: inner.workers")


class TestFiles:
    def test_a_missing_file_names_itself_and_the_remedy(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"monitor\.yaml:1:1: there is no such file \(`licensewatch init`"):
            yamlfile.load(tmp_path / "monitor.yaml")

    def test_a_directory_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="this is a directory, a file is wanted"):
            yamlfile.load(tmp_path)

    def test_a_huge_file_is_refused_before_it_is_parsed(self, tmp_path: Path) -> None:
        path = tmp_path / "f.yaml"
        path.write_text("a: b\n" * 1000)
        with pytest.raises(ConfigError, match="larger than 100 bytes"):
            yamlfile.load(path, limit=100)

    def test_an_unreadable_file_names_the_remedy(self, tmp_path: Path) -> None:
        """Root reads everything, so the promise is shown by what every account is refused."""
        path = tmp_path / "f.yaml"
        path.write_text("a: b")
        path.chmod(0)
        try:
            path.read_text()
        except PermissionError:
            with pytest.raises(ConfigError, match="permission denied"):
                yamlfile.load(path)
        else:
            with pytest.raises(ConfigError, match="cannot be read"):
                yamlfile.load("/proc/self/mem")


STYLES = """plain: alpha beta
  gamma NEAR/x delta
literal: |
  alpha beta

    gamma delta
folded: >-
  alpha beta
  gamma

  delta
single: 'it''s alpha
  beta'
double: "alpha \\"beta\\" \\u00e9 \\
  gamma
  delta"
"""


@pytest.mark.parametrize("key", ["plain", "literal", "folded", "single", "double"])
@pytest.mark.parametrize("word", ["alpha", "beta", "gamma", "delta"])
def test_an_offset_in_a_scalar_is_found_in_the_file(key: str, word: str) -> None:
    """A20: the column of a mistake in a query is that of the query's own character, whatever the scalar's style."""
    node = yamlfile.find(yamlfile.parse(STYLES, "f.yaml"), key)
    assert isinstance(node, ScalarNode)
    if word not in node.text:
        return
    place = yamlfile.place_in(node, node.text.index(word))
    assert STYLES.split("\n")[place.line - 1][place.column - 1 :].startswith(word)


def test_the_offset_behind_the_last_character_is_a_place_too() -> None:
    node = yamlfile.parse("q: |\n  a OR\n", "f.yaml").values["q"]  # type: ignore[attr-defined]  # a mapping
    assert str(yamlfile.place_in(node, 4)) == "f.yaml:2:7"
    assert str(yamlfile.place_in(node, 5)) == "f.yaml:2:7"


_TEXT = st.text(st.sampled_from("abé(\"'\\#: \n$*"), min_size=1, max_size=40)


@given(_TEXT)
def test_places_of_a_literal_block_are_exact(text: str) -> None:
    """Every visible character of a block's text is found where the file has it."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return
    source = "- q: |\n" + "".join(f"     {line}\n" for line in lines)
    try:
        node = yamlfile.find(yamlfile.parse(source, "f.yaml"), 0, "q")
    except ConfigError:
        return  # leading blanks that YAML itself refuses
    assert isinstance(node, ScalarNode)
    for offset, char in enumerate(node.text):
        if not char.isspace():
            place = yamlfile.place_in(node, offset)
            assert source.split("\n")[place.line - 1][place.column - 1] == char


@given(st.integers(0, 10**9))
def test_a_formatted_duration_is_read_back(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert yamlfile.parse_duration(yamlfile.format_duration(duration)) == duration


@given(st.integers(0, 10**12))
def test_a_formatted_size_is_read_back(size: int) -> None:
    assert yamlfile.parse_size(yamlfile.format_size(size)) == size


@pytest.mark.parametrize("text", ["", "15", "m", "15 m", "-1h", "1h 30m", "1x", "inf", "9999999999s", "200y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a duration is"):
        yamlfile.parse_duration(text)


@given(st.text(st.sampled_from("ab:-[]{}'\"|>&*!#%@ \n\t0\x07é<?,"), max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    """Whatever is typed ends in nodes or in a ConfigError that names places."""
    try:
        node = yamlfile.parse(text, "f.yaml")
    except ConfigError as error:
        assert all(str(problem).startswith("f.yaml:") for problem in error.problems)
    else:
        assert isinstance(node, Node)


def test_ten_thousand_rules_are_read_quickly() -> None:
    """10,000 rules of 10 lines take a few seconds at most on a slow machine."""
    one = "  - id: r\n    title: A lab\n    when: |\n      a AND b\n        OR c\n    tags: [x]\n    must_match: [y]\n"
    started = time.perf_counter()
    node = yamlfile.parse("rules:\n" + one * 10_000, "f.yaml")
    assert isinstance(node, MappingNode)
    assert time.perf_counter() - started < 8


def test_the_schema_says_what_the_reader_reads() -> None:
    """Keys lose their trailing underscore, durations and sizes are text, nothing unknown is allowed."""
    made = yamlfile.schema(Inner, title="inner")
    assert made["properties"]["interval"]["default"] == "15m"
    assert made["properties"]["size"]["default"] == "1KiB"
    assert made["additionalProperties"] is False
