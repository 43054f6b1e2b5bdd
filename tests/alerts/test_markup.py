"""Messages of hostile texts: texts stay texts, and Slack would take every one of them."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alerts import blocks, bundle, render, wording
from monitor.alerts.console import lines, readable
from monitor.model import (
    Coverage,
    Direction,
    Message,
    Shift,
    ShiftObject,
    Stage,
    Step,
    Story,
    Storyline,
    Trust,
)
from monitor.testing.slack_limits import error_of
from monitor.testing.slack_page import mrkdwn as as_html
from monitor.testing.slack_page import page_of
from monitor.text import printable
from tests.alerts.texts import payload, strings
from tests.alerts.world import T0, storyline

HOSTILE = "<!channel> <@U1> & *x* \u202e"

nasty = st.sampled_from(
    [
        "<!channel>", "<!here>", "<@U1>", "<#C1>", "<https://evil.example|click>", "&", "&amp;", "&lt;", "*x*", "_y_",
        "~z~", "`c`", "```", ":smile:", "::", "\u202e", "\x1b[31m", "|", ">", "<", "\n> q", "\r\n", "\u200b", "𝕏",
        "👩‍👩‍👧",
        "e\u0301", "@channel", "#general", "www.evil.example", " ", "**", "* *", "\u2028",
    ]
)  # fmt: skip
short = st.lists(nasty | st.text(max_size=8), max_size=5).map("".join)
texts = short | st.builds(str.__mul__, short, st.integers(1, 400))
urls = st.one_of(
    short,
    short.map("https://example.org/".__add__),
    st.just("javascript:alert(1)"),
    texts.map("https://example.org/?q=".__add__),
)
times = st.timedeltas(timedelta(0), timedelta(days=900)).map(T0.__add__)
coverages = st.builds(
    Coverage,
    entry_id=st.integers(1, 10**6),
    feed_id=short,
    outlet=short,
    title=texts,
    url=urls,
    trust=st.sampled_from(Trust),
    seen_at=times,
    published_at=st.none() | times,
)
shifts = st.builds(
    Shift,
    direction=st.sampled_from(Direction),
    stage=st.sampled_from(Stage),
    object=st.sampled_from(ShiftObject),
    orgs=st.lists(texts, max_size=3).map(tuple),
    models=st.lists(short, max_size=3).map(tuple),
    from_=short,
    to=short,
    evidence=texts,
    reasons=st.lists(short, max_size=6).map(tuple),
    denied=st.booleans(),
    marks=st.lists(st.tuples(st.integers(-5, 7_000), st.integers(-5, 7_000)), max_size=6).map(tuple),
)
stories = st.builds(
    Story,
    id=st.integers(1, 10**6),
    storyline_id=st.just(1),
    title=texts,
    severity=st.sampled_from(list(wording.SEVERITIES)),
    shift=shifts,
    rule_ids=st.lists(short, max_size=5).map(tuple),
    first_seen_at=times,
    last_seen_at=times,
    coverage=st.lists(coverages, max_size=4).map(tuple),
)
steps = st.builds(
    Step,
    at=times,
    stage=st.sampled_from(Stage),
    direction=st.sampled_from(Direction),
    reason=st.sampled_from(["stage moved", "denied"]),
    headline=texts,
    url=urls,
    outlet=short,
)
storylines = st.builds(
    Storyline,
    id=st.integers(1, 10**6),
    stories=st.lists(stories, min_size=1, max_size=3).map(tuple),
    steps=st.lists(steps, max_size=4).map(tuple),
    previous_id=st.none() | st.integers(1, 10**6),
    previous=st.none() | steps,
    context=short,
)
lenient = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


def messages_of(one: Storyline, line: str = "") -> list[Message]:
    facts = {"line": line, "story_id": one.stories[0].id, "reason": "stage moved"}
    first = one.stories[0]
    outlets = tuple(
        replace(each, entry_id=index, outlet=f"{each.outlet}{index}") for index, each in enumerate(first.coverage * 9)
    )
    many = replace(one, stories=(replace(first, coverage=outlets),), steps=one.steps * 6)
    made = [
        render.parent(one),
        render.parent(many),
        render.coverage(many),
        render.coverage(one),
        render.move(one, facts),
        render.notice({"title": line, "text": line * 3, "remedy": line}),
        bundle.digest([(one, (line,))] * 30),
    ]
    return made + [render.plain(message) for message in made]


@lenient
@given(storylines, texts)
def test_slack_takes_every_message_of_every_storyline(one: Storyline, line: str) -> None:
    """A31: no limit is broken, measured after escaping, and no entity is cut in two."""
    for message in messages_of(one, line):
        assert error_of(payload(message)) is None
        for text in strings(payload(message)):
            assert not re.search(r"&(?!amp;|lt;|gt;)", text)


@lenient
@given(storylines, texts)
def test_no_text_of_a_feed_becomes_markup(one: Storyline, line: str) -> None:
    """A31: outside our own links there is no `<` or `>` left, and our links lead to http(s) alone."""
    for message in messages_of(one, line):
        for text in strings(payload(message)):
            bare = re.sub(r"<https?://[^<>|\s]+\|[^<>|]+>", "", text)
            bare = re.sub(r"^>", "", bare, flags=re.MULTILINE)
            assert "<" not in bare
            assert ">" not in bare


@lenient
@given(texts)
def test_literal_text_shows_exactly_as_it_is(text: str) -> None:
    """A31: formatted by Slack's rules, a text of a feed comes out as it went in (control characters written out)."""
    shown = as_html(f"x {blocks.literal(text, 10**6)} x")
    assert "<" not in shown
    plain = printable(re.sub(r"\s+", " ", text)).strip().replace("\u200b", "").replace("`", "\u02cb")
    assert html.unescape(shown)[2:-2] == plain


@lenient
@given(texts, st.integers(10, 400))
def test_clipped_text_is_a_beginning_of_the_text(text: str, limit: int) -> None:
    """A31: truncation keeps whole characters and whole entities."""
    clipped = blocks.plain(text, limit)
    assert blocks.length(clipped) <= limit
    whole = html.unescape(blocks.plain(text, 10**6))
    assert html.unescape(clipped) == whole or whole.startswith(html.unescape(clipped.removesuffix("…")))


def test_a_hostile_title_mentions_nobody_and_reads_as_it_is() -> None:
    """A31: in the headline, the fallback text, the coverage, the steps and the terminal."""
    one = replace(storyline(), stories=(replace(storyline().stories[0], title=HOSTILE),))
    parent = render.parent(one)
    assert parent.blocks[0]["text"] == {
        "type": "plain_text",
        "text": "&lt;!channel&gt; &lt;@U1&gt; &amp; *x* \\u202e",
        "emoji": False,
    }
    shown = readable(parent.text)
    assert "<!channel> <@U1> & *x* \\u202e" in shown
    assert any("<!channel> <@U1> & *x* \\u202e" in str(line) for line in lines(parent))
    page = page_of([("c", [{"ts": "1.0", **payload(parent)}])])
    assert "&lt;!channel&gt; &lt;@U1&gt; &amp; *x* \\u202e" in page


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x.example/", "", "https://x.example/" + "a" * 900])
def test_only_http_urls_of_sane_length_become_links(url: str) -> None:
    assert blocks.link(url, "label") == "label"


def test_a_url_cannot_end_its_own_link() -> None:
    made = blocks.link("https://x.example/a|b>c d\u202e?q=1&r=<2>", "a|b>c")
    assert made == "<https://x.example/a%7Cb%3Ec%20d%E2%80%AE?q=1&amp;r=%3C2%3E|a¦b&gt;c>"
