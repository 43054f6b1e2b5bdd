"""What placing reads in an entry."""

from __future__ import annotations

import pytest

from monitor.model import Entry, Stage
from monitor.stories import traits
from monitor.stories.outlets import outlet
from monitor.stories.traits import Kind
from tests.stories.samples import candidate


@pytest.mark.parametrize(
    ("title", "bare"),
    [
        ("Acme keeps its next model closed - The Daily Byte", "Acme keeps its next model closed"),
        ("Acme keeps its next model closed | Byte News", "Acme keeps its next model closed"),
        ("BREAKING: Acme keeps its next model closed", "Acme keeps its next model closed"),
        ("[News] Acme keeps its next model closed", "Acme keeps its next model closed"),
        ("Acme - a short history", "Acme - a short history"),
        ("Updated terms for Acme One", "Updated terms for Acme One"),
    ],
)
def test_a_headline_loses_what_outlets_hang_on_it(title: str, bare: str) -> None:
    assert traits.headline(title) == bare


@pytest.mark.parametrize(
    ("name", "title", "line", "versions"),
    [
        ("Grok", "xAI opens Grok-2.5 at last", "grok", {"2.5"}),
        ("GPT-5.6", "OpenAI holds its model back", "gpt", {"5.6"}),
        ("Qwen3.5", "Alibaba opens Qwen3.5", "qwen", {"3.5"}),
        ("Kimi K3", "Moonshot promises K3 weights", "kimi", {"k3"}),
        ("Dolly 2.0", "Dolly 2 for everyone", "dolly", {"2"}),
        ("Sarvam 105B", "Sarvam 105B is out", "sarvam", set()),
    ],
)
def test_a_model_name_is_a_line_and_its_versions(name: str, title: str, line: str, versions: set[str]) -> None:
    assert traits.read(candidate(title, models=(name,))).models[line] == versions


def test_a_version_is_read_though_no_vocabulary_knows_the_model() -> None:
    """A model that came out today is told apart from its predecessor."""
    assert traits.read(candidate("Acme opens Roadrunner 4 under Apache 2.0 on March 3")).models == {"roadrunner": {"4"}}


def test_a_delay_in_the_headline_goes_before_the_stage() -> None:
    assert traits.read(candidate("Acme delays open weights again", stage=Stage.ANNOUNCED)).kind is Kind.DELAY


def test_two_ways_to_say_a_thing_are_one() -> None:
    one = traits.read(candidate("Acme scrubs ban on warfare from its terms"))
    other = traits.read(candidate("Acme removes ban on military use from its licence"))
    assert {"lift", "ban", "military", "licence"} <= one.title & other.title


def test_a_bare_host_is_no_link() -> None:
    assert traits.address("https://www.example.org/") == ""
    assert traits.address("http://www.Example.org/a/#top") == traits.address("https://example.org/a")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://news.google.com/rss/articles/CBMiX", "The Daily Byte"),
        ("https://example.org/a", "Search: open weights"),
    ],
)
def test_an_aggregator_names_the_publisher_it_hides(url: str, name: str) -> None:
    entry = Entry("search", (), "Acme keeps its next model closed - The Daily Byte", url=url)
    assert outlet(entry, "Search: open weights") == name
