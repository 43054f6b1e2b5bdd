"""Names of model lines against each other, in values."""

from __future__ import annotations

import pytest

from monitor.stories.names import related, shared_lines, sizes_clash, versions_clash
from monitor.stories.variants import sized

NONE = frozenset[str]()


@pytest.mark.parametrize(
    ("a", "b", "are"),
    [
        (("llama",), ("llama behemoth",), True),
        (("large",), ("mistral large",), True),
        (("code llama",), ("llama",), False),  # another range, though its name ends in that of one
        (("llama",), ("gemma",), False),
        (("gemma", "llama"), ("llama behemoth",), True),
    ],
)
def test_a_line_and_one_that_is_named_more_closely(a: tuple[str, ...], b: tuple[str, ...], are: bool) -> None:
    assert related(a, b) is related(b, a) is are


@pytest.mark.parametrize(
    ("a", "b", "shared"),
    [
        (("large",), ("mistral large",), [("large", "mistral large")]),
        (("mistral large",), ("large",), [("mistral large", "large")]),
        (("mistral large", "large"), ("mistral large",), [("mistral large", "mistral large")]),
        (("llama",), ("code llama",), []),
        (("llama",), ("llama behemoth",), []),
    ],
)
def test_the_lines_that_two_entries_share(
    a: tuple[str, ...], b: tuple[str, ...], shared: list[tuple[str, str]]
) -> None:
    assert shared_lines(dict.fromkeys(a, NONE), dict.fromkeys(b, NONE)) == shared


@pytest.mark.parametrize(
    ("a", "b", "clash"),
    [
        ({"grok": {"2"}}, {"grok": {"3"}}, True),
        ({"grok": {"2"}}, {"grok": set()}, False),
        ({"grok": {"2"}, "llama": {"4"}}, {"grok": {"3"}, "llama": {"4"}}, False),
        ({"large": {"4"}}, {"mistral large": {"5"}}, True),
        ({"grok": {"2"}}, {"llama": {"3"}}, False),
    ],
)
def test_versions_clash_where_no_shared_line_has_one_in_common(
    a: dict[str, set[str]], b: dict[str, set[str]], clash: bool
) -> None:
    here, there = ({line: frozenset(some) for line, some in each.items()} for each in (a, b))
    assert versions_clash(here, there) is versions_clash(there, here) is clash


def test_sizes_clash_on_a_name_that_both_hang_one_on() -> None:
    one = {"gpt oss": frozenset({"20b"})}
    both = {"gpt oss": frozenset({"20b", "120b"})}
    other = {"gpt oss": frozenset({"20b safety"}), "llama": frozenset({"20b"})}
    assert not sizes_clash(one, both)
    assert not sizes_clash(one, {"llama": frozenset({"70b"})})
    assert sizes_clash(one, other)


def test_every_size_that_a_headline_hangs_on_a_name_counts() -> None:
    said = "Weights of Vega Mini, Vega Pro and Nova 2 are out, Cohere says"
    assert sized(said, {"cohere"}) == {"vega": {"mini", "pro"}, "nova 2": {""}}
