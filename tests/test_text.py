"""One tokeniser: what is a word, where it stands, where a sentence ends, what may be printed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import text


@pytest.mark.parametrize("hyphen", [*"-‐‑‒–—―−﹘－"])
def test_hyphens_of_every_kind_separate(hyphen: str) -> None:
    assert text.words(f"open{hyphen}source") == ["open", "source"]


@pytest.mark.parametrize("quotes", ['""', "''", "“”", "‘’", "«»", "„“", "‹›", "「」", "＂＂"])
def test_quotes_of_every_kind_separate(quotes: str) -> None:
    assert text.words(f"so{quotes[0]}open{quotes[1]}source") == ["so", "open", "source"]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("gpt-oss-120b", ["gpt", "oss", "120b"]),
        ("Llama 4", ["llama", "4"]),
        ("v3.1", ["v3.1"]),
        ("Qwen2.5-Max", ["qwen2.5", "max"]),
        ("Apache-2.0", ["apache", "2.0"]),
        ("OpenAI", ["openai"]),
        ("AT&T", ["at", "t"]),
        ("x.ai", ["x", "ai"]),
        ("U.S. A.I. plan of the U.K", ["us", "ai", "plan", "of", "the", "uk"]),
        ("The end. Next", ["the", "end", "next"]),
        ("4.0.1.", ["4.0.1"]),
        ("snake_case", ["snake", "case"]),
    ],
)
def test_version_and_camel_case_words(written: str, words: list[str]) -> None:
    assert text.words(written) == words


@pytest.mark.parametrize("written", ["Meta's", "Meta’s", "META'S", "Metaʼs"])
def test_a_possessive_goes_with_its_word(written: str) -> None:
    assert text.words(f"{written} plan") == ["meta", "plan"]


def test_an_s_that_begins_or_ends_a_word_stays() -> None:
    assert text.words("l'sommet ok'so James' s") == ["l", "sommet", "ok", "so", "james", "s"]


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Café", "cafe"),
        ("Cafe\u0301", "cafe"),
        ("ﬁne", "fine"),
        ("Ｍｅｔａ", "meta"),
        ("straße", "strasse"),
        ("Ørsted Łódź", "orsted lodz"),
        ("naïve™ model®", "naive model"),
        ("so\u00adft hy\u200dphen", "soft hyphen"),
        ("½", "1 2"),
        ("ΜΕΤΑ ς", "μετα σ"),
    ],
)
def test_looks_do_not_count(written: str, folded: str) -> None:
    assert text.fold(written) == folded


def test_ideographs_kana_and_hangul_are_words_each_so_that_phrases_find_them() -> None:
    assert text.fold("阿里Qwen发布") == "阿 里 qwen 发 布"
    assert f" {text.fold('메타')} " in f" {text.fold('메타는 공개')} "


def test_offsets_point_into_the_original_text() -> None:
    written = "e\u0301te\u0301 ﬁne ½ 阿里 “Open‑Source”"
    assert [written[t.start : t.end] for t in text.tokens(written)] == [
        "e\u0301te\u0301",
        "ﬁne",
        "½",
        "½",
        "阿",
        "里",
        "Open",
        "Source",
    ]


@given(st.text(max_size=60))
def test_every_reading_of_a_text_has_the_same_tokens(written: str) -> None:
    found = text.tokens(written)
    assert [token.text for token in found] == text.words(written)
    assert len(text.cased_words(written)) == len(found)
    assert all(0 <= token.start < token.end <= len(written) for token in found)
    assert [token.start for token in found] == sorted(token.start for token in found)


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(written: str) -> None:
    assert text.fold(text.fold(written)) == text.fold(written)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_spaced_texts_are_the_words_of_each_between_blanks(texts: list[str]) -> None:
    words = [word for one in texts for word in (*text.words(one), text.FIELD_BREAK)][:-1]
    assert text.spaced(texts) == f" {' '.join(words)} ".replace("  ", " ")


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("One. Two! Three? Four", 4),
        ("Meta Inc. said so. The end.", 2),
        ("Mr. Smith of the U.S. Senate met J. Doe at 3.5 percent.", 1),
        ("He asked: “Open?” Nobody knew.", 2),
        ("It left. 这是。那是！", 3),
        ("released v3.1 today", 1),
        ("Wait... what", 1),
        ("first line\nsecond line", 2),
        ("", 0),
    ],
)
def test_sentences(written: str, count: int) -> None:
    assert len(text.sentences(written)) == count


@pytest.mark.parametrize(
    ("title", "outlet", "bare"),
    [
        ("Lab closes its model - The Daily Wire", "Daily Wire", "Lab closes its model"),
        ("Lab closes its model | TechSite", "TechSite.com", "Lab closes its model"),
        ("Lab closes its model – Daily Wire", "The Daily Wire: AI", "Lab closes its model"),
        ("Lab closes its model - TechSite", "Daily Wire", "Lab closes its model - TechSite"),
        ("Lab closes its model - for good", "Daily Wire", "Lab closes its model - for good"),
        ("Lab closes its model - AI", "AI-Kurier", "Lab closes its model - AI"),
        ("Behemoth - The Daily Wire", "Daily Wire", "Behemoth - The Daily Wire"),
        ("Lab closes its model - The News", "", "Lab closes its model - The News"),
    ],
)
def test_a_headline_loses_its_own_outlets_name_and_nothing_else(title: str, outlet: str, bare: str) -> None:
    assert text.unsigned(title, outlet) == bare


@given(st.text(max_size=80))
def test_sentences_cover_all_words_in_order(written: str) -> None:
    bounds = text.sentences(written)
    assert all(a[1] <= b[0] for a, b in pairwise(bounds))
    covered = [written[start:end] for start, end in bounds]
    assert "".join("".join(covered).split()) == "".join(written.split())


def test_control_and_bidi_characters_are_written_out() -> None:
    """A38: nothing a feed says moves the cursor or turns the text around."""
    assert text.printable("a\x1b[31m\u202eb\x85\x00") == "a\\x1b[31m\\u202eb\\x85\\x00"
    assert text.printable("a\nb") == "a\nb"
    assert text.printable("a\nb", lines=False) == "a\\x0ab"


@given(st.text())
def test_what_is_printable_can_be_written_anywhere(written: str) -> None:
    shown = text.printable(written, lines=False)
    shown.encode("utf-8")
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in shown)
