"""Messages: what they say."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerts import bundle, reading, render, wording
from monitor.daemon.report import rejected
from monitor.model import (
    STAGE_WORDS,
    Direction,
    Message,
    Reason,
    Stage,
    Step,
    Trust,
)
from monitor.testing.slack_limits import error_of
from monitor.testing.slack_page import mrkdwn as as_html
from tests.alerts.texts import payload, strings
from tests.alerts.world import EVIDENCE, T0, coverage, moved, storyline


def test_however_long_the_mistake_a_notice_says_what_is_in_force() -> None:
    """A20: whoever reads it at night knows that nothing stopped."""
    message = render.notice(rejected("feeds.yaml:3:5: wrong\n" * 900))
    for said in (message, render.plain(message)):
        assert "The last good configuration stays in force." in json.dumps([said.text, *said.blocks])
    assert "Mend the file and save it" in json.dumps(message.blocks)


def test_the_parent_says_who_what_where_and_how_sure() -> None:
    """The facts of issue and interface stand in the message, in this order."""
    page = as_words(render.parent(storyline(outlets=3)))
    wanted = [
        "Meta weighs a closed model instead of Behemoth",
        "Closing · under consideration · weights",
        "Meta · Behemoth · would go open → closed",
        EVIDENCE,
        "Reported by 3 outlets: The Decoder, Techsight, Model Weekly",
        "Severity high · raised: first closed flagship by Meta",
        "Confidence medium: one outlet; unnamed sources",
        "First seen 12 Jul 2025, 14:03 UTC",
        "rule open-to-closed",
    ]
    places = [page.find(one) for one in wanted]
    assert -1 not in places, wanted[places.index(-1)]
    assert places == sorted(places)


def as_words(message: Message) -> str:
    marked = "\n".join(strings(payload(message)))
    return html.unescape(re.sub(r"<[^>]+>", "", as_html(marked)))


def test_the_matched_words_are_marked_in_the_quote() -> None:
    quote = next(text for text in strings(payload(render.parent(storyline()))) if text.startswith(">"))
    assert re.findall(r"<b>([^<]+)</b>", as_html(quote)) == ["abandoning Behemoth", "open", "closed"]


def test_without_marks_the_names_are_marked() -> None:
    """Facts read by an older version carry no marks."""
    one = storyline()
    story = replace(one.stories[0], shift=replace(one.stories[0].shift, marks=()))
    texts = strings(payload(render.parent(replace(one, stories=(story,)))))
    quote = next(text for text in texts if text.startswith(">"))
    assert re.findall(r"<b>([^<]+)</b>", as_html(quote)) == ["Behemoth"]


def test_the_parent_shows_the_state_of_things_now_and_the_steps_with_dates() -> None:
    """A33: after a later story the headline, the stage and the steps are the present ones."""
    one = moved(storyline(), Stage.ANNOUNCED, "Meta confirms it", "Techsight", timedelta(days=19))
    page = as_words(render.parent(one))
    assert "Closing · announced · weights" in page
    assert "12 Jul 2025 · under consideration, closing · Meta weighs a closed model" in page
    assert "31 Jul 2025 · announced · Meta confirms it — Techsight" in page


def test_the_best_source_stands_first_and_the_rest_are_counted() -> None:
    """A33: outlets by trust, then by time; those without room are counted, never hidden."""
    one = storyline(outlets=8)
    primary = coverage(50, "Meta Newsroom", trust=Trust.PRIMARY)
    story = replace(one.stories[0], coverage=(*one.stories[0].coverage, primary))
    page = as_words(render.parent(replace(one, stories=(story,))))
    assert "Reported by 9 outlets: Meta Newsroom (primary source), The Decoder, Techsight" in page
    assert "and +3 more" in page


def test_an_outlet_is_linked_by_its_own_article_before_an_aggregators() -> None:
    """A33: "by trust" holds within an outlet too; of its own articles the newest."""
    one = storyline(outlets=2)
    later = coverage(8, "The Decoder")
    hidden = replace(coverage(9, "The Decoder", trust=Trust.COMMUNITY), url="https://news.google.com/rss/articles/x")
    story = replace(one.stories[0], coverage=(*one.stories[0].coverage, later, hidden))
    told = next(
        text for text in strings(list(render.parent(replace(one, stories=(story,))).blocks)) if "Reported" in text
    )
    assert f"{later.url.replace('&', '&amp;')}|The Decoder>, <" in told


def test_the_coverage_lists_every_article_with_its_outlet_and_time() -> None:
    page = as_words(render.coverage(storyline(outlets=8)))
    assert "Coverage · 8 outlets, 8 articles" in page
    assert page.count("on the plan to close Behemoth — ") == 8


def test_the_coverage_goes_by_the_date_of_each_article_whenever_it_was_seen() -> None:
    """A33: best source first, then oldest first; a date to come is when it was seen."""
    dated = {"Future": T0 + timedelta(days=400), "Third": T0 - timedelta(days=1), "First": T0 - timedelta(days=3)}
    told = [replace(coverage(n, name), published_at=at) for n, (name, at) in enumerate(dated.items(), 1)]
    told.append(replace(coverage(9, "Lab", trust=Trust.PRIMARY), published_at=T0))
    told.append(replace(coverage(8, "Second"), published_at=T0 - timedelta(days=2)))
    one = storyline()
    one = replace(one, stories=(replace(one.stories[0], coverage=tuple(told)),))
    assert [entry.outlet for entry in reading.coverage_of(one)] == ["Lab", "First", "Second", "Third", "Future"]
    assert "2026" not in as_words(render.coverage(one))


def test_a_headline_that_many_outlets_print_stands_once_with_all_of_them() -> None:
    """A33: syndicated copies are one line of the coverage, each outlet linked to its own article."""
    one = storyline()
    names = [f"Outlet {index}" for index in range(1, 12)]
    copies = [coverage(index, name, title="Meta to close Behemoth") for index, name in enumerate(names, 1)]
    copies.append(coverage(12, "Hidden Post", title="META to close Behemoth - Hidden Post"))
    copies.append(coverage(13, "Own Voice", title="Why Behemoth closes"))
    message = render.coverage(replace(one, stories=(replace(one.stories[0], coverage=tuple(copies)),)))
    page = as_words(message)
    assert "Coverage · 13 outlets, 13 articles" in page
    assert page.casefold().count("meta to close behemoth") == 1
    assert all(name in page for name in (*names, "Hidden Post", "Own Voice"))
    shown = str(message.blocks)
    assert all(f"/news/{number}?" in shown for number in range(1, 14)), "each article keeps its link"
    assert error_of(payload(message)) is None


def test_a_coverage_too_long_for_one_message_says_how_many_are_missing() -> None:
    one = storyline()
    many = tuple(coverage(index, f"Outlet {index}", title="x" * 190) for index in range(1, 200))
    message = render.coverage(replace(one, stories=(replace(one.stories[0], coverage=many),)))
    assert error_of(payload(message)) is None
    assert re.search(r"and \d+ more", as_words(message))


def test_the_preview_says_the_facts_first_and_reads_aloud() -> None:
    """Notification previews cut early and screen readers read signs: facts first, in words."""
    text = render.parent(storyline(outlets=4)).text
    assert text == (
        "Meta, Behemoth: closing, under consideration, weights. Meta weighs a closed model instead of Behemoth. "
        "Terms: would go from open to closed. Reported by The Decoder and 3 more. Confidence medium."
    )


def test_a_preview_of_a_reversal_does_not_say_that_it_is_closing() -> None:
    """A33: the preview and the terms say how things stand, as the message does."""
    later = moved(storyline(), Stage.ANNOUNCED, "Meta confirms it", "Techsight", timedelta(days=19))
    message = render.parent(moved(later, Stage.REVERSED, "Behemoth stays open", "The Decoder", timedelta(days=40)))
    assert message.text.startswith("Meta, Behemoth: reversed, was closing, weights. Behemoth stays open. Reported by")
    assert "open → closed" not in as_words(message), "terms that were taken back are not those of now"


def test_a_preview_drops_a_denial_that_a_later_step_overtook() -> None:
    one = storyline()
    denied = replace(one.stories[0], shift=replace(one.stories[0].shift, denied=True))
    step = replace(one.steps[0], reason=Reason.DENIED)
    still = replace(one, stories=(denied,), steps=(*one.steps, step))
    assert "A denial was reported" in render.parent(still).text
    over = replace(still, steps=(*still.steps, replace(step, stage=Stage.ANNOUNCED, reason=Reason.STAGE_MOVED)))
    assert "denial" not in render.parent(over).text


def test_previews_of_digests_and_notices_say_the_facts_in_words() -> None:
    """Nobody opens a digest whose preview names headlines only, and no reader should say "grave accent"."""
    text = bundle.digest([(storyline(), ())]).text
    assert "Meta, Behemoth: closing, under consideration, weights. Meta weighs" in text
    known = storyline()
    denied = replace(known.stories[0], shift=replace(known.stories[0].shift, denied=True))
    step = Step(T0, Stage.CONSIDERING, Direction.CLOSING, Reason.DENIED, story_id=1)
    told = bundle.digest([(replace(known, stories=(denied,), steps=(*known.steps, step)), ())])
    assert "weights. A denial was reported. Meta weighs" in told.text
    assert "1 outlet · severity high" in str(told.blocks), "what the order of a digest goes by is said"
    held = {"title": "Alerts held", "text": "", "remedy": "`licensewatch deliveries release --all` sends them"}
    assert "licensewatch deliveries release --all sends them" in render.notice(held).text


def test_a_headline_links_to_the_article_that_has_it() -> None:
    """In a digest: that of the report that moved the story, or that the story took it from; not the best source's."""
    one = storyline(title="Techsight on the plan to close Behemoth", outlets=3)
    own = one.stories[0].coverage[1].url
    assert reading.link_now(one) == own != one.stories[0].coverage[0].url
    assert f"<{own.replace('&', '&amp;')}|Techsight on" in str(bundle.digest([(one, ())]).blocks)
    late = replace(one.steps[0], reason=Reason.DELAYED, headline="Behemoth is late", url="https://late.example/1")
    assert "<https://late.example/1|Behemoth is late>" in str(
        bundle.digest([(replace(one, steps=(*one.steps, late)), ())]).blocks
    )
    gone = replace(one, stories=(replace(one.stories[0], title="Retracted"),))
    assert reading.link_now(gone) == gone.stories[0].coverage[0].url


def test_a_move_is_told_in_one_line_with_its_source() -> None:
    one = moved(storyline(), Stage.ANNOUNCED, "Meta confirms it", "Techsight", timedelta(days=19))
    facts = {"line": "under consideration → announced, says Techsight", "story_id": one.stories[-1].id}
    message = render.move(one, facts)
    assert message.text == "Meta, Behemoth: under consideration, now announced, says Techsight. Meta confirms it"
    page = as_words(message)
    assert "Under consideration → announced, says Techsight\n🔒  Closing · announced · weights\nMeta · Behemoth" in page
    assert "Meta confirms it\nMeta confirms it" not in page


def test_what_is_told_late_says_what_it_says_where_nothing_moved() -> None:
    """A33: every broadcast has its own reason: a released story of a storyline that stands there is no move."""
    one = storyline(outlets=2)
    message = render.move(one, {"line": "", "story_id": 1})
    assert message.text.startswith("Meta, Behemoth: closing · under consideration, says The Decoder. ")


def test_nothing_asserts_legality() -> None:
    """Our own words never say that anything is legal, illegal, lawful, a breach or a violation."""
    sources = [wording.DIRECTIONS, STAGE_WORDS, wording.OBJECTS]
    page = " ".join(map(str, sources)) + as_words(render.parent(storyline()))
    assert not re.search(r"legal|lawful|violat|breach|infring|permitted|allowed", page, re.IGNORECASE)


def test_the_headline_is_the_one_that_says_how_things_stand() -> None:
    """A story that moves goes under the headline that moved it, not under its first; a denial is no such move."""
    one = storyline()
    step = replace(
        one.steps[0], stage=Stage.ANNOUNCED, reason=Reason.STAGE_MOVED, headline="Meta decides on a closed model"
    )
    denial = replace(step, reason=Reason.DENIED, headline="Meta denies it")
    for steps in ((*one.steps, step), (*one.steps, step, denial)):
        message = render.parent(replace(one, steps=steps))
        assert message.blocks[0]["text"]["text"] == "Meta decides on a closed model"
        assert "Meta decides on a closed model" in message.text


def test_an_older_story_that_goes_on_is_how_things_stand() -> None:
    """A33: direction, terms, quote and outlets are of the story that moved last, not of the one that opened last."""
    one = storyline()
    first = replace(one.stories[0], shift=replace(one.stories[0].shift, stage=Stage.ANNOUNCED))
    talk = replace(first.shift, direction=Direction.OPENING, stage=Stage.RUMOUR, from_="", to="open", evidence="Talk.")
    second = replace(first, id=2, title="Meta may open it after all", shift=talk, coverage=first.coverage[:0])
    opened = Step(T0, Stage.RUMOUR, Direction.OPENING, Reason.NEW_STORY_IN_STORYLINE, second.title, story_id=2)
    further = Step(T0, Stage.ANNOUNCED, Direction.CLOSING, Reason.STAGE_MOVED, "Meta decides", story_id=first.id)
    denial = replace(opened, reason=Reason.DENIED, stage=Stage.NONE)
    for steps in ((opened, further), (opened, further, denial)):
        message = render.parent(replace(one, stories=(first, second), steps=(*one.steps, *steps)))
        assert message.blocks[0]["text"]["text"] == "Meta decides"
        assert "*Closing* · announced" in str(message.blocks[1])
        assert "open → closed" in str(message.blocks[1])
        assert "Talk." not in str(message.blocks)
        assert message.text.startswith("Meta, Behemoth: closing, announced")


def test_a_dispute_changes_no_terms() -> None:
    """ "Now Llama Community licence" would tell of a change; people only fight about the licence there is."""
    one = storyline()
    shift = replace(one.stories[0].shift, direction=Direction.DISPUTE, from_="", to="LicenseRef-Llama-Community")
    message = render.parent(replace(one, stories=(replace(one.stories[0], shift=shift),)))
    assert "Terms: Llama Community licence." in message.text
    assert "now Llama" not in str(message.blocks)


def test_a_delay_is_how_things_stand_until_something_goes_further() -> None:
    """Its headline, its quote and its outlets are those of one report; a denial beside it changes nothing."""
    one = storyline()
    delay = replace(one.steps[0], reason=Reason.DELAYED, headline="Meta puts it off")
    denial = replace(delay, reason=Reason.DENIED, headline="Meta denies it")
    further = replace(delay, stage=Stage.EFFECTIVE, reason=Reason.STAGE_MOVED, headline="Meta does it")
    for steps in ((delay,), (delay, denial)):
        message = render.parent(replace(one, steps=(*one.steps, *steps)))
        assert message.blocks[0]["text"]["text"] == "Meta puts it off"
        assert "delay reported" in str(message.blocks[1])
        assert "A delay was reported" in message.text
    over = render.parent(replace(one, steps=(*one.steps, delay, further)))
    assert "delay reported" not in str(over.blocks[1])
    assert "A delay" not in over.text
    assert "delay" not in render.parent(one).text


def test_a_denial_that_events_overtook_is_not_said_of_now() -> None:
    """Neither in the message nor in the line that a phone shows of it."""
    one = storyline()
    story = replace(one.stories[0], shift=replace(one.stories[0].shift, denied=True))
    denial = replace(one.steps[0], reason=Reason.DENIED, headline="Meta denies it")
    after = replace(denial, stage=Stage.ANNOUNCED, reason=Reason.STAGE_MOVED, headline="Meta announces it")
    assert "A denial was reported" in render.parent(replace(one, stories=(story,), steps=(*one.steps, denial))).text
    assert "A denial" not in render.parent(replace(one, stories=(story,), steps=(*one.steps, denial, after))).text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("LicenseRef-Llama-Community", "would be Llama Community licence"),
        ("LicenseRef-Gemma-Terms", "would be Gemma Terms"),
        ("Apache-2.0", "would be Apache-2.0"),
    ],
)
def test_licences_are_named_as_people_name_them(name: str, shown: str) -> None:
    one = storyline()
    story = replace(one.stories[0], shift=replace(one.stories[0].shift, from_="", to=name))
    page = as_words(render.parent(replace(one, stories=(story,))))
    assert f"Meta · Behemoth · {shown}" in page
    assert "Terms licence" not in page


def test_of_many_rules_the_message_names_the_first() -> None:
    one = storyline()
    story = replace(one.stories[0], rule_ids=("open-to-closed", "second", "third"))
    page = as_words(render.parent(replace(one, stories=(story,))))
    assert "rule open-to-closed +2 · storyline" in page
