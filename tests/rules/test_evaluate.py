"""`rules eval`: the figures of the contract."""

from __future__ import annotations

from monitor.model import Direction, Shift, Stage
from monitor.rules.evaluate import Judged, evaluate


def judged(number: str, found: Shift | None, **row: object) -> Judged:
    return Judged({"id": number, "title": "t", **row}, found)


ROWS = [
    judged(
        "a",
        Shift(Direction.CLOSING, Stage.RUMOUR, orgs=("Meta",)),
        label="shift",
        direction="closing",
        stage="considering",
        stage_also="rumour",
        orgs=["Meta AI"],
    ),
    judged(
        "b",
        Shift(Direction.OPENING, Stage.EFFECTIVE, orgs=("Google", "X")),
        label="shift",
        direction="closing",
        stage="effective",
        orgs=["Google"],
        borderline=True,
    ),
    judged("c", None, label="shift", direction="closing"),
    judged("d", Shift(), label="none"),
    judged("e", None, label="none"),
    judged("f", Shift(), stream="news"),
    judged("g", None, stream="news"),
    judged("h", None, stream="forum"),
]


def canonical(kind: str, name: str) -> str:
    return {"Meta AI": "Meta"}.get(name, name)


def test_precision_recall_and_facts_with_and_without_borderline() -> None:
    record = evaluate(ROWS, canonical)
    assert (record["items"], record["precision"], record["recall"]) == (5, 0.6667, 0.6667)
    assert (record["strict"]["items"], record["strict"]["precision"], record["strict"]["recall"]) == (4, 0.5, 0.5)
    assert record["direction_accuracy"] == 0.5
    assert record["stage_accuracy"] == 1.0
    assert record["org_f1"] == 0.8
    assert record["model_f1"] is None
    assert (record["false_positives"], record["false_negatives"]) == (["d"], ["c"])


def test_lines_without_a_label_count_as_alerts_per_thousand() -> None:
    record = evaluate(ROWS, canonical)
    assert record["alerts_per_1000"] == 333.33
    assert record["by_stream"]["news"] == {"items": 2, "alerts": 1, "alerts_per_1000": 500.0}


def test_nothing_to_divide_by_gives_null() -> None:
    record = evaluate([judged("e", None, label="none")], canonical)
    assert record["precision"] is None
    assert record["f1"] is None
