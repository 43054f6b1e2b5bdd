"""Pairs of reports that tell one event, or two that look alike: wrong merges are worse than missed ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from monitor import settings
from monitor.cli.evaluation import Item, measure
from monitor.model import Candidate, Entry, Shift
from monitor.rules.rule_set import RuleSet
from tests.stories.samples import START

LIFE = timedelta(days=30)


@dataclass(frozen=True)
class Pair:
    """Two reports in date order. `read`: the rules' own reading must tell them apart too, where both are hits."""

    why: str
    same: bool
    read: bool
    items: tuple[Item, ...]


def _item(number: int, line: str, *, same: bool) -> Item:
    day, orgs, models, facts, title, summary = (part.strip(" -") for part in line.split("|"))
    direction, stage = facts.split()
    at = START + timedelta(days=float(day))
    entry = Entry("feed", (), title, summary, published_at=at)
    given = {"direction": direction, "stage": stage, "orgs": orgs.split(", "), "models": models.split(", ")}
    event = "one" if same else f"event {number}"
    return Item(str(number), event, Candidate(entry, Shift(), at), {k: v for k, v in given.items() if v != [""]})


def _pairs() -> list[Pair]:
    blocks = Path(__file__).with_name("pairs.txt").read_text().split("\n\n")
    written = [[line for line in block.splitlines() if line and not line.startswith("#")] for block in blocks]
    found = []
    for head, *lines in filter(None, written):
        kind, why = head.split(": ", 1)
        same = kind.startswith("same")
        items = tuple(_item(number, line, same=same) for number, line in enumerate(lines))
        found.append(Pair(why, same, not kind.endswith("as stated"), items))
    return found


def _wrong(pair: Pair, rules: RuleSet) -> bool:
    """Whether it is placed wrongly, whichever comes first, or merged by what the rules read themselves."""
    hits = all(rules.match(item.candidate.entry) for item in pair.items)
    found = [measure(items, rules, LIFE) for items in (pair.items, pair.items[::-1])]
    stated = any(one.score.merged_wrongly or one.score.split_wrongly for one in found)
    return stated or (hits and pair.read and any(one.own.merged_wrongly for one in found))


def test_reports_of_one_event_join_and_no_others() -> None:
    """A33: one test for all pairs, for the rules take their time to load."""
    rules = settings.load(settings.packaged_config(), {}).rules
    pairs = _pairs()
    assert sum(not pair.same for pair in pairs) >= 40
    assert sum(pair.same for pair in pairs) >= 15
    assert [pair.why for pair in pairs if _wrong(pair, rules)] == []
