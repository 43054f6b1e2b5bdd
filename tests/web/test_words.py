"""From values to words: times, spans, links, marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.web import words

NOW = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=40), "40 seconds ago"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=90), "90 minutes ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(hours=47), "47 hours ago"),
        (timedelta(days=3), "26 March"),
        (timedelta(days=400), "22 February 2025"),
        (timedelta(minutes=-12), "in 12 minutes"),
        (timedelta(days=-5), "3 April"),
    ],
)
def test_times_are_said_as_people_say_them(before: timedelta, said: str) -> None:
    shown = words.ago(NOW - before, NOW)
    assert f">{said}</time>" in shown
    assert 'datetime="20' in shown


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.org/a?b=c#d", True),
        ("http://example.org", True),
        ("HTTPS://example.org/", True),
        ("javascript:alert(1)", False),
        ("java\tscript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org/x", False),
        ("/local", False),
        ("ftp://example.org", False),
        ("https://exa mple.org", False),
        ("https://example.org/\u202egnp.exe", False),
        ("https://[broken", False),
        ("", False),
    ],
)
def test_only_harmless_links_are_links(url: str, kept: bool) -> None:
    assert words.link(url) == (url if kept else "")


def test_marks_are_pieces_of_the_text() -> None:
    assert words.marked("abcdef", [(1, 2), (3, 99)]) == [("a", False), ("b", True), ("c", False), ("def", True)]
    assert words.marked("abc", [(2, 1), (0, 2), (1, 3)]) == [("ab", True), ("c", True)]
    assert words.marked("", [(0, 3)]) == []


def test_long_texts_are_cut_at_a_word() -> None:
    assert words.short("one two three", 9) == "one two…"
    assert words.short("x" * 20, 9) == "x" * 9 + "…"
    assert words.short("short", 9) == "short"


def test_sentences_of_ours_escape_what_they_quote() -> None:
    assert words.sentence("run `a <b>` & see") == "Run <code>a &lt;b&gt;</code> &amp; see"
    assert words.sentence("one ` alone") == "One ` alone"
