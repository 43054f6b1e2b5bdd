"""Whether people are told, how urgently, where and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from monitor.alerts import decide
from monitor.alerts.decide import AlertFacts, AlertPolicy, Digest, Event, Match, QuietHours, Route
from monitor.errors import ConfigError
from monitor.model import Alert, Context, Direction, Mute, Reason, Severity, Shift, Stage, Story, Trust
from monitor.yamlfile import parse, typed

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
STORY = Story(
    7,
    3,
    "Acme closes Falcon",
    Severity.HIGH,
    Shift(Direction.CLOSING, Stage.ANNOUNCED, orgs=("Acme",)),
    ("r1", "r2"),
    NOW,
    NOW,
)


def event(reason: Reason = Reason.NEW_STORY, **more: object) -> Event:
    return Event(reason, STORY, feed_id="byte", **more)  # type: ignore[arg-type]  # any fields


def mute(kind: str, value: str, hours: int = 1) -> Mute:
    return Mute(1, kind, value, NOW + timedelta(hours=hours), "anna")


def test_why_a_repeat_is_one_is_on_record() -> None:
    late = decide.decide(event(Reason.REPEAT, line="dated before what was told since"), (), NOW)
    assert (late.note, late.line) == ("dated before what was told since", "")
    assert decide.decide(event(Reason.REPEAT), (), NOW).note == "more coverage of a story already told"


def test_news_is_told() -> None:
    assert decide.decide(event(), (), NOW) == Alert(Reason.NEW_STORY, Severity.HIGH)


@pytest.mark.parametrize(
    ("happened", "mutes", "reason"),
    [
        (event(baseline=True), (), Reason.BASELINE),
        (event(too_old="published 2020-01-01"), (), Reason.TOO_OLD),
        (event(Reason.REPEAT), (), Reason.REPEAT),
        (event(Reason.REPEAT, too_old="published 2020-01-01"), (), Reason.REPEAT),  # it brings the message up to date
        (event(Reason.EDITED, too_old="published 2020-01-01"), (), Reason.EDITED),
        (event(siblings=(6, 7, 9)), (mute("story", "9"),), Reason.MUTED),
        (event(), (mute("story", "7"),), Reason.MUTED),
        (event(), (mute("org", "acme"),), Reason.MUTED),
        (event(), (mute("feed", "byte"),), Reason.MUTED),
        (event(), (mute("rule", "r1"), mute("rule", "r2")), Reason.MUTED),
        (event(Reason.STAGE_MOVED), (mute("story", "7"),), Reason.MUTED),
    ],
)
def test_what_is_withheld_is_recorded_with_its_reason(happened: Event, mutes: tuple[Mute, ...], reason: Reason) -> None:
    alert = decide.decide(happened, mutes, NOW)
    assert (alert.reason, alert.suppressed) == (reason, True)
    assert alert.note


@pytest.mark.parametrize("idle", [mute("story", "8"), mute("org", "acme", -1), mute("rule", "r1"), mute("feed", "bit")])
def test_a_mute_that_ended_or_means_something_else_withholds_nothing(idle: Mute) -> None:
    """One muted rule does not silence a story that another rule found too."""
    assert not decide.decide(event(), (idle,), NOW).suppressed


def test_the_note_says_which_mute() -> None:
    note = decide.decide(event(), (mute("org", "Acme"),), NOW).note
    assert note == "mute 1: org Acme until 2026-03-04 13:00 UTC by anna"


def alerts(count: int, repeats: int = 0) -> list[Alert]:
    told = [Alert(Reason.NEW_STORY, Severity.LOW)] * count
    return told + [Alert(Reason.REPEAT, Severity.LOW, suppressed=True)] * repeats


def test_as_many_as_the_policy_allows_go_out() -> None:
    """A16: N alerts, N at most max_per_feed_poll."""
    assert decide.hold(alerts(10, repeats=30), AlertPolicy(), "byte") is None


def test_one_more_holds_them_all_behind_one_notice() -> None:
    """A16: above max_per_feed_poll one held notice."""
    held = decide.hold(alerts(11, repeats=2), AlertPolicy(), "byte")
    assert held is not None
    assert len(held.originals) == 11
    assert {one.reason for one in held.recorded} == {Reason.HELD}
    assert held.notice.reason is Reason.NOTICE
    assert "11 alerts wait" in held.notice.line


def test_a_feed_issued_anew_is_held_however_few() -> None:
    """A19: a wholesale re-issue becomes one held notice."""
    held = decide.hold(alerts(1), AlertPolicy(), "byte", reissued="the feed was issued anew")
    assert held is not None
    assert "issued anew" in held.notice.line


FACTS = AlertFacts(
    rules=("open-to-closed",), tags=("openness",), severity=Severity.HIGH, direction=Direction.CLOSING, orgs=("Meta",)
)


def test_the_first_route_that_matches_wins() -> None:
    routes = (
        Route(to=("a",), match=Match(severity=Severity.LOW)),
        Route(to=("b",), match=Match(severity=(Severity.HIGH, Severity.CRITICAL), direction=Direction.CLOSING)),
        Route(to=("c",)),
    )
    receivers, why = decide.routes_for(FACTS, routes)
    assert receivers == ("b",)
    assert why == ("route 1: no, severity is high, wanted low", "route 2: yes, to b")


def test_continue_goes_on_and_no_receiver_gets_it_twice() -> None:
    routes = (Route(to=("a", "b"), continue_=True), Route(to=("b", "c")), Route(to=("d",)))
    assert decide.routes_for(FACTS, routes)[0] == ("a", "b", "c")


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        (Match(org="meta"), True),
        (Match(org=("Acme", "Meta")), True),
        (Match(org="Acme"), False),
        (Match(model="Llama"), False),
        (Match(rule="open-to-closed", tag="openness"), True),
        (Match(rule="open-to-closed", tag="policy"), False),
        (Match(trust=Trust.PRIMARY), False),
        (Match(feed="byte"), False),
    ],
)
def test_every_key_of_a_route_must_hold(match: Match, fits: bool) -> None:
    assert bool(decide.routes_for(FACTS, (Route(to=("x",), match=match),))[0]) is fits


def test_a_route_for_a_line_of_models_takes_its_versions() -> None:
    facts = replace(FACTS, models=("Llama 6", "GPT-6"))
    for model, fits in (("llama", True), ("Llama 6", True), ("GPT", True), ("Llama 5", False), ("Lla", False)):
        assert bool(decide.routes_for(facts, (Route(to=("x",), match=Match(model=model)),))[0]) is fits, model


def test_nobody_gets_what_no_route_takes_and_it_says_so() -> None:
    receivers, why = decide.routes_for(FACTS, ())
    assert (receivers, why) == ((), ("no route names a receiver",))


@pytest.mark.parametrize(
    ("stage", "step", "severity"),
    [
        (Stage.ANNOUNCED, 0, Severity.HIGH),
        (Stage.CONSIDERING, 0, Severity.MEDIUM),
        (Stage.RUMOUR, -1, Severity.MEDIUM),
        (Stage.CONSIDERING, 1, Severity.HIGH),
        (Stage.EFFECTIVE, 1, Severity.CRITICAL),
        (Stage.ENFORCEMENT, 1, Severity.CRITICAL),
        (Stage.EFFECTIVE, -1, Severity.MEDIUM),
    ],
)
def test_stage_and_context_move_severity_one_step_at_most(stage: Stage, step: int, severity: Severity) -> None:
    assert decide.severity_now(Severity.HIGH, stage, Context("said", step)).severity is severity


def test_what_moved_severity_is_said() -> None:
    weighed = decide.severity_now(Severity.HIGH, Stage.RUMOUR, Context("first closing by Acme", 1))
    assert weighed.why == ("lowered: rumoured", "raised: first closing by Acme")


@pytest.mark.parametrize("base", [Severity.LOW, Severity.MEDIUM, Severity.HIGH])
@pytest.mark.parametrize("stage", [Stage.RUMOUR, Stage.CONSIDERING])
def test_a_shift_against_the_labs_own_line_is_high_however_little_is_decided(base: Severity, stage: Stage) -> None:
    """A closed lab that considers opening is no routine opening, whatever the rule that found it says."""
    weighed = decide.severity_now(base, stage, Context("Acme is known for closed models", 1))
    assert weighed.severity is Severity.HIGH
    raised = "raised" if base is Severity.HIGH else "raised to high"
    assert weighed.why[-1] == f"{raised}: Acme is known for closed models"


def test_severity_has_a_floor_and_a_ceiling() -> None:
    assert decide.severity_now(Severity.LOW, Stage.RUMOUR).severity is Severity.LOW
    assert decide.severity_now(Severity.CRITICAL, Stage.ENFORCEMENT).severity is Severity.CRITICAL


NIGHT = QuietHours(time(22), time(7), "Europe/Berlin", (Severity.CRITICAL,))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-04T20:59", None),
        ("2026-03-04T21:00", "2026-03-05T06:00"),
        ("2026-03-05T05:59", "2026-03-05T06:00"),
        ("2026-03-05T06:00", None),
        ("2026-03-28T22:30", "2026-03-29T05:00"),  # clocks go forward in that night
    ],
)
def test_quiet_hours_run_over_midnight_in_their_own_zone(now: str, until: str | None) -> None:
    found = decide.quiet_until(NIGHT, Severity.HIGH, datetime.fromisoformat(f"{now}+00:00"))
    assert (f"{found:%Y-%m-%dT%H:%M}" if found else None) == until


def test_quiet_hours_let_the_exceptions_through() -> None:
    assert decide.quiet_until(NIGHT, Severity.CRITICAL, datetime(2026, 3, 4, 23, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("digest", "due"),
    [
        (Digest("day", time(8)), "2026-03-05T08:00"),
        (Digest("day", time(13)), "2026-03-04T13:00"),
        (Digest("day", NOW.time()), f"2026-03-05T{NOW:%H:%M}"),  # what comes at the hour itself is late for it
        (Digest("week", time(8)), "2026-03-09T08:00"),
        (Digest("day", time(8), "Asia/Tokyo"), "2026-03-04T23:00"),
    ],
)
def test_a_digest_goes_out_at_its_next_hour(digest: Digest, due: str) -> None:
    found = decide.digest_at(digest, NOW)
    assert found is not None
    assert f"{found:%Y-%m-%dT%H:%M}" == due


def test_a_digest_in_quiet_hours_waits_for_their_end() -> None:
    policy = AlertPolicy(digest=Digest("day", time(23), "Europe/Berlin"), quiet_hours=NIGHT)
    assert decide.delivered_from(policy, Severity.HIGH, NOW) == datetime(2026, 3, 5, 6, tzinfo=UTC)


YAML = """
max_per_feed_poll: 3
repeat_after: 14d
quiet_hours: {from: '22:00', to: '07:00', zone: Europe/Berlin, except: [critical]}
digest: {every: week, at: '08:30'}
"""


def test_the_settings_are_read_from_yaml() -> None:
    policy = typed(parse(YAML, "monitor.yaml"), AlertPolicy)
    assert policy == AlertPolicy(3, timedelta(days=14), NIGHT, Digest("week", time(8, 30)))


def test_a_route_reads_one_value_or_several() -> None:
    node = parse("{match: {severity: [high, critical], org: Meta}, to: licensing, continue: true}", "monitor.yaml")
    route = typed(node, Route)
    assert (route.match.severity, route.match.org) == ((Severity.HIGH, Severity.CRITICAL), "Meta")
    assert (route.receivers, route.continue_) == (("licensing",), True)


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="time zone"):
        typed(parse("{from: '22:00', to: '07:00', zone: Mars/Olympus}", "monitor.yaml"), QuietHours)
