"""What a story says now, and what counts as a move."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from monitor.model import (
    Candidate,
    Confidence,
    Coverage,
    Direction,
    Hit,
    Reason,
    Severity,
    Shift,
    ShiftObject,
    Span,
    Stage,
    Trust,
)
from monitor.stories import storyline
from monitor.stories.weigh import Report, entry_shift, weigh
from tests.stories.samples import START, candidate

ORDER = (Stage.RUMOUR, Stage.CONSIDERING, Stage.ANNOUNCED, Stage.EFFECTIVE)


def report(stage: Stage = Stage.NONE, trust: Trust = Trust.PRESS, day: float = 0, **facts: object) -> Report:
    return Report(Shift(stage=stage, **facts), trust, START + timedelta(days=day))  # type: ignore[arg-type]  # any fields


def covered(member: Candidate) -> Coverage:
    entry = member.entry
    return Coverage(member.entry_id, entry.feed_id, "Outlet", entry.title, entry.url, member.trust, member.seen_at)


@pytest.mark.parametrize(("before", "after"), list(product(ORDER, ORDER)))
def test_stages_move_forward_only(before: Stage, after: Stage) -> None:
    assert storyline.stage_moved(before, after) == (ORDER.index(after) > ORDER.index(before))


@pytest.mark.parametrize("after", [Stage.REVERSED, Stage.ENFORCEMENT])
@pytest.mark.parametrize("before", list(Stage))
def test_reversal_and_enforcement_always_move(before: Stage, after: Stage) -> None:
    assert storyline.stage_moved(before, after) == (before is not after)


@pytest.mark.parametrize("before", list(Stage))
def test_no_stage_is_no_move(before: Stage) -> None:
    assert not storyline.stage_moved(before, Stage.NONE)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (Shift(stage=Stage.RUMOUR), Shift(stage=Stage.ANNOUNCED), Reason.STAGE_MOVED),
        (Shift(Direction.OPENING), Shift(Direction.CLOSING), Reason.DIRECTION_CHANGED),
        (Shift(Direction.OPENING), Shift(Direction.LOOSENING), None),
        (Shift(Direction.UNCLEAR), Shift(Direction.CLOSING), None),
        (Shift(), Shift(denied=True), Reason.DENIED),
        (Shift(denied=True), Shift(denied=True), None),
    ],
)
def test_what_moved(before: Shift, after: Shift, reason: Reason | None) -> None:
    assert storyline.shift_moved(before, after) is reason


@pytest.mark.parametrize(
    ("shift", "others", "terms"),
    [
        (Shift(Direction.CLOSING), [Shift(Direction.CLOSING, from_="MIT", to="closed")], ("MIT", "closed")),
        (Shift(Direction.CLOSING, to="closed"), [Shift(Direction.RESTRICTING, from_="MIT")], ("MIT", "closed")),
        (Shift(Direction.CLOSING, to="closed"), [Shift(Direction.CLOSING, from_="MIT", to="X")], ("", "closed")),
        (Shift(Direction.OPENING), [Shift(Direction.CLOSING, from_="MIT", to="closed")], ("", "")),
        (
            Shift(Direction.RESTRICTING, object=ShiftObject.USAGE_POLICY),
            [Shift(Direction.RESTRICTING, to="X")],
            ("", ""),
        ),
        (
            Shift(Direction.RESTRICTING, object=ShiftObject.USAGE_POLICY),
            [Shift(Direction.RESTRICTING, object=ShiftObject.API_TERMS, to="X")],
            ("", "X"),
        ),
        (Shift(Direction.CLOSING), [Shift(Direction.CLOSING, to="A"), Shift(Direction.CLOSING, to="B")], ("", "A")),
    ],
)
def test_terms_that_the_storyline_names_elsewhere(shift: Shift, others: list[Shift], terms: tuple[str, str]) -> None:
    """From stories that go the same way and contradict it on neither side."""
    found = storyline.completed(shift, others)
    assert (found.from_, found.to) == terms


def test_the_first_primary_source_is_a_move_and_the_second_is_not() -> None:
    press = candidate("Acme closes Falcon", entry_id=1)
    actor = candidate("Our new terms", entry_id=2, trust=Trust.PRIMARY)
    before = storyline.opened(press, covered(press))
    after = storyline.grown(before, (press, actor), (covered(press), covered(actor)))
    assert storyline.moved(before, after) is Reason.PRIMARY_SOURCE
    assert storyline.moved(after, after) is None


@pytest.mark.parametrize(
    ("title", "day", "reason"),
    [
        ("Falcon weights are delayed, Acme says", 4, None),  # the same, told elsewhere
        ("Falcon weights are delayed again", 3.4, None),  # within hours nobody can tell
        ("Falcon weights are delayed again", 4, Reason.DELAYED),  # the first did not say "again"
        ("Acme delays Falcon weights until October", 4, None),  # outlets name dates in many ways
        ("Falcon weights are delayed again", 6, Reason.DELAYED),
        ("Acme delays Falcon weights until October", 9, Reason.DELAYED),
        ("Why Acme delays Falcon weights", 9, None),
        ("Acme delays Falcon weights until June", 9, None),
        ("Falcon weights are delayed again", 1, None),  # a late report, from before the delay that is known
    ],
)
def test_a_second_delay_is_a_move_and_an_echo_of_the_first_is_none(
    title: str, day: float, reason: Reason | None
) -> None:
    first = candidate("Acme delays Falcon weights until June", day=3, entry_id=2)
    newest = candidate(title, day=day, entry_id=3)
    told = candidate("Acme will publish Falcon weights", entry_id=1, stage=Stage.ANNOUNCED)
    before = storyline.opened(told, covered(told))
    assert storyline.moved(before, before, (told, first)) is Reason.DELAYED
    assert storyline.moved(before, before, (told, first, newest)) is reason
    if reason is not None:
        echo = candidate(title, day=day + 1, entry_id=4)
        assert storyline.moved(before, before, (told, first, newest, echo)) is None


def test_the_furthest_stage_the_press_tells_is_the_stage_now() -> None:
    assert weigh([report(Stage.ANNOUNCED), report(Stage.CONSIDERING, day=1)]).stage is Stage.ANNOUNCED


def test_one_forum_post_does_not_move_the_stage_two_do() -> None:
    press, post = report(Stage.CONSIDERING), report(Stage.EFFECTIVE, Trust.COMMUNITY, 1)
    assert weigh([press, post]).stage is Stage.CONSIDERING
    assert weigh([press, post, post]).stage is Stage.EFFECTIVE


@pytest.mark.parametrize(
    ("facts", "says_so"),
    [
        ({"direction": Direction.CLOSING}, True),
        ({"direction": Direction.RESTRICTING}, True),
        ({"direction": Direction.CLOSING, "denied": True}, False),
        ({"direction": Direction.UNCLEAR}, False),
        ({"direction": Direction.OPENING}, False),
    ],
)
def test_a_primary_source_confirms_only_what_it_says(facts: dict[str, object], says_so: bool) -> None:
    """The actor that denies a report, or speaks of something else, lends it no weight."""
    press = [report(Stage.ANNOUNCED, day=day, direction=Direction.CLOSING) for day in (0, 1)]
    shift = weigh([*press, report(Stage.ANNOUNCED, Trust.PRIMARY, 2, **facts)])
    assert shift.direction is Direction.CLOSING
    assert ("a primary source says so" in shift.reasons) is says_so


def test_what_the_actor_says_overrules_what_the_press_said_before() -> None:
    press, actor = report(Stage.EFFECTIVE), report(Stage.ANNOUNCED, Trust.PRIMARY, 1)
    assert weigh([press, actor]).stage is Stage.ANNOUNCED
    assert weigh([press, actor, report(Stage.EFFECTIVE, day=9)]).stage is Stage.EFFECTIVE


def test_a_reversal_is_the_stage_now_until_something_is_told_after_it() -> None:
    reports = [report(Stage.EFFECTIVE), report(Stage.REVERSED, day=2)]
    assert weigh(reports).stage is Stage.REVERSED


def test_a_denial_is_a_note_and_no_reversal() -> None:
    now = weigh([report(Stage.CONSIDERING), report(Stage.CONSIDERING, day=1, denied=True)])
    assert (now.stage, now.denied) == (Stage.CONSIDERING, True)


def test_direction_follows_the_weight_of_trust_and_time() -> None:
    old = report(direction=Direction.OPENING)
    assert weigh([old, report(direction=Direction.CLOSING, trust=Trust.COMMUNITY)]).direction is Direction.OPENING
    assert weigh([old, report(direction=Direction.CLOSING, day=10)]).direction is Direction.CLOSING
    assert weigh([old, report(direction=Direction.UNCLEAR, day=10)]).direction is Direction.OPENING


def test_a_named_licence_goes_before_a_mere_open() -> None:
    assert weigh([report(to="open"), report(to="open"), report(to="Apache-2.0")]).to == "Apache-2.0"


def test_names_that_one_lesser_source_throws_in_are_left_out() -> None:
    reports = [report(orgs=("Acme",)), report(orgs=("Acme",)), report(trust=Trust.COMMUNITY, orgs=("Acme", "Meta"))]
    assert weigh(reports).orgs == ("Acme",)


def test_three_reports_that_agree_raise_confidence_and_say_so() -> None:
    now = weigh([report(confidence=Confidence.LOW)] * 3)
    assert (now.confidence, now.reasons) == (Confidence.MEDIUM, ("3 reports agree",))


def test_a_denial_moves_nothing_though_it_names_a_stage() -> None:
    """What is denied was never reached; only where every report denies is it all there is."""
    assert weigh([report(Stage.CONSIDERING), report(Stage.ANNOUNCED, day=1, denied=True)]).stage is Stage.CONSIDERING
    assert weigh([report(Stage.ANNOUNCED, denied=True)] * 2).stage is Stage.ANNOUNCED


def test_what_weighs_most_is_what_is_reported_now() -> None:
    """Reports of the last week count double: three old ones are outvoted by two new ones."""
    old, new = report(Stage.NONE, direction=Direction.OPENING), report(day=30, direction=Direction.CLOSING)
    assert weigh([old] * 3 + [new] * 2).direction is Direction.CLOSING
    assert weigh([old] * 5 + [new] * 2).direction is Direction.OPENING


def hit(severity: Severity, shift: Shift) -> Hit:
    return Hit("rule", "v1", "Rule", severity, shift)


def test_the_gravest_hit_says_what_the_entry_tells_and_the_others_fill_gaps() -> None:
    grave = hit(Severity.HIGH, Shift(Direction.CLOSING, object=ShiftObject.WEIGHTS, orgs=("Meta",)))
    light = hit(Severity.LOW, Shift(Direction.POLICY, Stage.CONSIDERING, models=("Behemoth",), denied=True))
    both = entry_shift([light, grave])
    assert (both.direction, both.stage, both.orgs, both.models, both.denied) == (
        Direction.CLOSING, Stage.CONSIDERING, ("Meta",), ("Behemoth",), True,
    )  # fmt: skip


def test_what_the_believed_hit_leaves_open_comes_from_hits_of_its_direction_first() -> None:
    """Names and licences; that something opens is nothing that a tightening leads to, and a denial leads nowhere."""
    tightens = hit(Severity.HIGH, Shift(Direction.RESTRICTING, orgs=("Meta",)))
    opens = replace(hit(Severity.LOW, Shift(Direction.OPENING, from_="MIT", to="open", models=("Opt",))), priority=-1)
    same = replace(hit(Severity.LOW, Shift(Direction.RESTRICTING, to="Llama", models=("Llama",))), priority=-2)
    told = entry_shift([opens, tightens, same])
    assert (told.from_, told.to, told.models) == ("", "Llama", ("Llama", "Opt"))
    assert entry_shift([opens, tightens]).to == ""
    closes = hit(Severity.LOW, Shift(Direction.CLOSING, from_="open", to="closed"))
    told = entry_shift([tightens, closes])
    assert (told.from_, told.to) == ("", "")  # a limit on who may host takes nothing from open to closed
    denied = replace(tightens, shift=replace(tightens.shift, denied=True))
    assert entry_shift([denied, same]).to == ""


@pytest.mark.parametrize(
    ("evidence", "stage"),
    [("Meta says it will close it", Stage.ANNOUNCED), ("Meta denies it will close it", Stage.RUMOUR)],
)
def test_what_is_denied_was_not_announced(evidence: str, stage: Stage) -> None:
    told = entry_shift([hit(Severity.HIGH, Shift(Direction.CLOSING, Stage.ANNOUNCED, evidence=evidence))])
    assert told.stage is stage


def test_a_quote_is_a_sentence_of_the_text_where_the_headline_would_only_be_repeated() -> None:
    """Of the same direction; else the believed rule's own words, else anybody's."""
    title, summary = (Span("title", 0, 4),), (Span("summary", 0, 4),)
    headline = Shift(Direction.CLOSING, evidence="Meta closes it", marks=((0, 4),))
    inside = Shift(Direction.CLOSING, evidence="We will keep the weights.", marks=((3, 7),))
    other = replace(inside, direction=Direction.OPENING)
    grave = replace(hit(Severity.HIGH, headline), spans=title)

    def quote(*hits: Hit) -> tuple[str, tuple[tuple[int, int], ...]]:
        told = entry_shift(hits)
        return told.evidence, told.marks

    assert quote(grave, replace(hit(Severity.LOW, inside), spans=summary)) == (inside.evidence, inside.marks)
    for beside in (
        replace(hit(Severity.LOW, other), spans=summary),
        replace(hit(Severity.LOW, inside), spans=title),
        replace(hit(Severity.LOW, replace(headline, marks=((5, 9),))), spans=summary),
    ):
        assert quote(grave, beside) == (headline.evidence, headline.marks)
    both = replace(grave, spans=(*title, *summary))
    assert quote(both, replace(hit(Severity.LOW, inside), spans=summary))[0] == headline.evidence
    silent = replace(grave, shift=replace(headline, evidence="", marks=()), spans=(*title, *summary))
    assert quote(silent, replace(hit(Severity.LOW, other), spans=summary)) == (other.evidence, other.marks)


def test_words_and_terms_are_those_of_the_way_it_goes_now() -> None:
    """A33: a quote or a licence of reports that say the opposite would contradict the message."""
    shut = {"direction": Direction.CLOSING, "from_": "open", "to": "closed", "evidence": "It will not be released."}
    given = {"direction": Direction.OPENING, "to": "MIT", "evidence": "It will be under MIT."}
    reports = [report(Stage.ANNOUNCED, **shut), report(Stage.ANNOUNCED, day=0.1, **given)]
    for last, said in ((shut, ("open", "closed")), (given, ("", "MIT"))):
        shift = weigh([*reports, report(Stage.ANNOUNCED, day=0.2, **last)])
        assert (shift.from_, shift.to, shift.evidence) == (*said, last["evidence"])
    one = entry_shift([hit(Severity.HIGH, Shift(**given)), hit(Severity.LOW, Shift(**shut))])
    assert (one.direction, one.from_, one.to) == (Direction.OPENING, "", "MIT")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["closing", "opening"], "opening"),  # a turn
        (["closing", "dispute"], "closing"),
        (["dispute", "closing"], "dispute"),
        (["closing", "dispute", "dispute"], "dispute"),
        (["opening", "loosening"], "loosening"),
    ],
)
def test_of_ways_with_equal_weight_the_latest_counts_only_as_a_turn(told: list[str], said: str) -> None:
    reports = [report(direction=Direction(way), day=number / 10) for number, way in enumerate(told)]
    assert weigh(reports).direction == said


def test_a_rule_with_priority_is_believed_before_a_graver_one() -> None:
    """The special case says what the general rule only half knows."""
    grave = hit(Severity.HIGH, Shift(Direction.CLOSING))
    special = replace(hit(Severity.LOW, Shift(Direction.OPENING)), priority=1)
    assert entry_shift([grave, special]).direction is Direction.OPENING


def test_a_story_grows_with_the_best_source_first() -> None:
    """A33: the parent lists who reports it, best source first, and shows the state of things now."""
    first = replace(
        candidate("Word is Acme may close Falcon", stage=Stage.RUMOUR, entry_id=1, trust=Trust.COMMUNITY),
        severity=Severity.LOW,
        rule_ids=("a",),
    )
    second = replace(
        candidate("Acme to close Falcon", stage=Stage.ANNOUNCED, day=1, entry_id=2),
        severity=Severity.HIGH,
        rule_ids=("b",),
    )
    story = storyline.opened(first, covered(first))
    grown = storyline.grown(story, (first, second), (covered(first), covered(second)))
    assert (grown.title, grown.shift.stage, grown.severity) == ("Acme to close Falcon", Stage.ANNOUNCED, Severity.HIGH)
    assert [one.entry_id for one in grown.coverage] == [2, 1]
    assert (grown.rule_ids, grown.first_seen_at, grown.last_seen_at) == (("a", "b"), first.seen_at, second.seen_at)


def test_the_headline_of_a_story_goes_its_way() -> None:
    """The best source's that says how things stand; one that says the opposite would stand above the wrong state."""
    titles = [("Acme to close Falcon", Direction.CLOSING), ("Acme to open Falcon", Direction.OPENING)]
    told = [*titles, ("Falcon to be open", Direction.OPENING)]
    members = [
        replace(candidate(title, stage=Stage.ANNOUNCED, direction=way, day=day / 10, entry_id=day + 1), rule_ids=("a",))
        for day, (title, way) in enumerate(told)
    ]
    story = storyline.opened(members[0], covered(members[0]))
    grown = storyline.grown(story, members, map(covered, members))
    assert (grown.title, grown.shift.direction) == ("Acme to open Falcon", Direction.OPENING)


@pytest.mark.parametrize(
    ("stage", "said"),
    [(Stage.ANNOUNCED, Stage.RUMOUR), (Stage.EFFECTIVE, Stage.EFFECTIVE), (Stage.CONSIDERING, Stage.CONSIDERING)],
)
def test_a_denial_in_the_quote_takes_back_no_more_than_an_announcement(stage: Stage, said: Stage) -> None:
    shift = Shift(Direction.CLOSING, stage, evidence="Acme denies that it will close Falcon.")
    assert entry_shift([hit(Severity.HIGH, shift)]).stage is said


TALK, TOLD = Shift(Direction.CLOSING, Stage.CONSIDERING), Shift(Direction.CLOSING, Stage.ANNOUNCED)
BACK = Shift(Direction.OPENING, Stage.ANNOUNCED)


@pytest.mark.parametrize(
    ("reason", "before", "after", "line"),
    [
        (Reason.STAGE_MOVED, TALK, TOLD, "under consideration → announced, says The Byte"),
        (Reason.STAGE_MOVED, TALK, BACK, "closing → opening · announced, says The Byte"),
        (Reason.NEW_STORY_IN_STORYLINE, TOLD, BACK, "closing → opening, says The Byte"),
        (Reason.STAGE_MOVED, TOLD, replace(BACK, stage=Stage.REVERSED), "announced → reversed, says The Byte"),
        (Reason.DIRECTION_CHANGED, TALK, BACK, "closing → opening · announced, says The Byte"),
        (
            Reason.DIRECTION_CHANGED,
            TOLD,
            replace(TOLD, direction=Direction.DISPUTE),
            "closing → dispute, says The Byte",
        ),
        (Reason.DENIED, TALK, TALK, "a denial is reported by The Byte"),
        (Reason.DELAYED, TOLD, TOLD, "a delay is reported by The Byte"),
        (Reason.DELAYED, TALK, TOLD, "under consideration → announced, and a delay is reported by The Byte"),
        (Reason.PRIMARY_SOURCE, TALK, TALK, "first primary source: The Byte"),
        (Reason.NEW_STORY_IN_STORYLINE, TOLD, Shift(), "which way is unclear, says The Byte"),
        (Reason.NEW_STORY_IN_STORYLINE, TOLD, TOLD, "closing · announced, says The Byte"),
    ],
)
def test_the_line_says_what_moved(reason: Reason, before: Shift, after: Shift, line: str) -> None:
    assert storyline.move_line(reason, before, after, "The Byte") == line
