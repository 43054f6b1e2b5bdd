"""The query language, form by form: what the table of interface.md promises."""

from __future__ import annotations

import time

import pytest

from monitor.rules.document import Subject
from tests.rules.helpers import entry, matched, one_rule, problem_of, rules_of


@pytest.mark.parametrize(
    ("query", "yes", "no"),
    [
        ("open*", "Opening day", "OpenAI"),
        ("open*", "opens", "openAI"),
        ("DeepSeek*", "DeepSeek V3", "DeepSeekMath"),
        ("wo?d", "word", "woord"),
        ('"Llama ?"', "llama 4", "llama 3.1"),
        ('="Llama ?"', "Llama 4", "llama 4"),
        ("AT&T", "at&t", "at a t"),
        ("“open source”", "open-source", "open or source"),
        ("meta", "META’s", "metadata"),
        ("gpt-oss-120b", "gpt‑oss‑120b", "gpt-oss-120bit"),
        ("阿里", "据阿里表示", "阿 X 里"),
        ('title:("open weights" OR closed)', "Closed", "open the weights"),
        ("a NEAR/0 b", "b a", "a x b"),
        ("a ONEAR/0 b", "a b", "b a"),
        ("a NEAR/1 (b OR c)", "c x a", "c x x a"),
        ("(a NEAR/1 b) NEAR/0 c", "a x b c", "a b x c"),
        ("open NEAR/3 open", "open and open", "open"),
        ("a NEAR/s b", "A. X b a", "a. B"),
        ("ATLEAST/3 (a OR b)", "a b a", "a b"),
        ('ATLEAST/2 ("a b" OR "b a")', "a b a b", "a b a"),
        ("a AND NOT (b OR c)", "a", "a c"),
        ("a OR b AND c", "a", "b"),
        ("NOT a NEAR/5 b AND c", "a c", "a b c"),
        ("/op.n/", "so open", "Open"),
        ("/op.n/i", "so OPEN", "opn"),
        ("/a b/ NEAR/1 c", "a b x c", "a b x x c"),
        ('a NEAR/1 (b OR "c d e")', "b x a x x x c d e", "b x y a x x x c d e"),
        ("/,/ NEAR/1 /,/", ", a, b", ", a"),
        ('a NEAR/s "b the c"', "So a b the c", "So a b. The c"),
    ],
)
def test_a_form_matches_this_and_not_that(query: str, yes: str, no: str) -> None:
    rules = one_rule(query)
    assert matched(rules, yes)
    assert not matched(rules, no)


def test_words_that_look_like_operators_are_words_when_quoted() -> None:
    assert matched(one_rule('"and" AND ANDROID'), "Android and more")


def test_nothing_runs_across_the_border_of_two_fields() -> None:
    assert not matched(one_rule('"open source"'), "open", "source")
    assert not matched(one_rule("open NEAR/50 source"), "open", "source")
    assert not matched(one_rule("ATLEAST/2 (open)"), "open", "open")
    assert matched(one_rule("open AND source"), "open", "source")


def test_an_unqualified_term_is_sought_in_title_summary_and_content_and_not_in_author() -> None:
    rules = one_rule("open")
    assert rules.match(entry("", "", content="open"))
    assert not rules.match(entry("", "", author="Open"))
    assert one_rule("author:open").match(entry("", "", author="Open"))


def test_feed_and_tag_compare_ids_exactly_and_domain_includes_subdomains() -> None:
    one = entry("a", url="https://blog.example.org/x", tags=("Research",))
    assert one_rule("a AND feed:feed").match(one)
    assert not one_rule("a AND feed:fee").match(one)
    assert one_rule("feed:other").match(one, feed_id="other")
    assert one_rule("a AND tag:(Research OR x)").match(one)
    assert one_rule("a AND tag:x").match(one, feed_tags=("x",))
    assert not one_rule("a AND tag:research").match(one)
    assert one_rule("a AND domain:Example.org").match(one)
    assert not one_rule("a AND domain:ample.org").match(one)


def test_a_hit_knows_its_spans_in_the_original_text() -> None:
    rules = one_rule('"open source" NEAR/4 model* AND title:closed')
    title = "Closed “open‑source” ﬁne Model’s end"
    assert matched(rules, title) == ["Closed", "open‑source", "Model"]


def test_a_not_term_hides_what_it_overlaps() -> None:
    rules = one_rule("$lab", "{lab: {kind: org, entities: [{name: Meta, terms: [=Meta], not: [Meta analysis]}]}}")
    assert not matched(rules, "A Meta analysis")
    assert matched(rules, "Meta on its meta analysis") == ["Meta"]


def test_vocabularies_may_hold_vocabularies_regexes_and_queries() -> None:
    words = "{inner: [open weight*], outer: [$inner, /v\\d+/, (closed NEAR/1 model)]}"
    rules = one_rule("$outer", words)
    assert [matched(rules, title) for title in ("open weights", "now v4", "model is closed", "closed")] == [
        ["open weights"],
        ["v4"],
        ["model is closed"],
        [],
    ]


@pytest.mark.parametrize("query", ["(" * 61 + "a" + ")" * 61, "/" + "a{1001}" + "/", r"/(a)\1/", "/a(?!b)/", "/(/"])
def test_what_re2_or_a_person_cannot_read_is_refused(query: str) -> None:
    assert problem_of(query).startswith("rules.yaml:6:")


def test_a_regex_that_is_exponential_elsewhere_is_linear_here() -> None:
    """A22: RE2 only."""
    rules = one_rule("/(a+)+$/")
    begin = time.process_time()
    assert not rules.match(entry("a" * 20_000 + "!"))
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    ("title", "found"),
    [("a \N{EM DASH} b", " \N{EM DASH} "), ("\N{EM DASH}", "\N{EM DASH}"), ("a \N{EM DASH}", " \N{EM DASH}")],
)
def test_a_regex_of_a_vocabulary_may_find_what_stands_between_words(title: str, found: str) -> None:
    """It has no word to point at: its span is the gap that holds it, wherever that is."""
    rules = one_rule("$dash", "{dash: {kind: org, entities: [{name: Dash, terms: [/\N{EM DASH}/]}]}}")
    assert matched(rules, title) == [found]
    assert rules.match(entry("x", title))


@pytest.mark.parametrize(
    ("query", "words", "content"),
    [
        ("/a(.*z)?/", "{}", "a" * 200_000),
        ("$lab", "{lab: {terms: [a], not: [a b]}}", "a b " * 50_000),
        ('"open ? source"', "{}", "open source " * 16_000),
    ],
)
def test_a_text_made_to_hurt_costs_little_more_than_it_is_long(query: str, words: str, content: str) -> None:
    """A22: the longest text an entry may have, full of what a rule looks for."""
    rules = one_rule(query, words)
    begin = time.process_time()
    rules.match(entry("", content=content))
    assert time.process_time() - begin < 4


def test_who_is_named_in_a_text_made_to_hurt_is_told_in_one_pass() -> None:
    """A long text that repeats a name must not hold up the polls of all feeds."""
    rules = one_rule("$lab", "{lab: {kind: org, entities: [{name: A, terms: [a]}]}}")
    begin = time.process_time()
    assert rules.named("org", entry("", content="a b " * 50_000)) == ("A",)
    assert time.process_time() - begin < 4


def test_a_pair_at_the_end_of_a_long_text_is_found_though_its_words_stand_apart_hundreds_of_times_before() -> None:
    for query in ("alpha NEAR/s beta", "alpha NEAR/0 beta"):
        rules = one_rule(query)
        assert rules.match(entry("", content="So alpha is here. So beta is there. " * 600 + "So alpha beta."))
        assert not rules.match(entry("", content="So alpha is here. So beta is there. " * 600))


def test_many_near_pairs_stay_cheap() -> None:
    rules = one_rule("(a NEAR/9 b) NEAR/9 (c NEAR/s d)")
    begin = time.process_time()
    rules.match(entry("", content="a b c d " * 3_000))
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("form", "yes", "no"),
    [
        ("{any: [a, b], all: [c OR d], none: [e]}", "b d", "b d e"),
        ("{any: [a, b], unless: c}", "a", "a c"),
        ("{all: [a, b], unless: NOT c}", "a b c", "a b"),
        (
            "{score: {threshold: 3, add: [{when: a, points: 2}, {when: b, points: 2}, {when: c, points: -2}]}}",
            "a b",
            "a b c",
        ),
        ("{score: {threshold: 1.5, add: [{when: a, points: 1.5}, {when: b, points: 1}]}}", "a", "b"),
    ],
)
def test_the_other_ways_to_say_a_rule(form: str, yes: str, no: str) -> None:
    rules = rules_of(f"rules: [{{id: r, title: t, {form[1:-1]}}}]")
    assert rules.match(entry(yes))
    assert not rules.match(entry(no))


def test_a_rule_may_carry_its_own_vocabularies() -> None:
    rules = rules_of("rules: [{id: r, title: t, when: $own, vocabularies: {own: [weights]}}]")
    assert rules.match(entry("weights"))


def test_rules_that_cannot_match_are_not_looked_at() -> None:
    """Nor where a word is missing that most texts have, or a regex that is not looked for in every text."""
    made = [f"{{id: r{n}, title: t, when: 'term{n} AND (x{n} OR y)'}}" for n in range(300)]
    made += [f"{{id: s{n}, title: t, when: 'term{n} AND with AND /x\\d/'}}" for n in range(300)]
    rules = rules_of(f"rules: [{', '.join(made)}]")
    assert rules.index.sieve.candidates(Subject(entry("term7 x7 term9 z"))) == [7]
    assert rules.index.sieve.candidates(Subject(entry("term7 x7 with term9"))) == [7, 307, 309]
    assert rules.index.sieve.candidates(Subject(entry("term7 with term9"))) == []
