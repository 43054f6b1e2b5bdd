"""How fast entries are matched, and how that grows with the number of rules.

    python bench/rules.py [--texts FILE.jsonl[.xz]] [--config DIR] [--limit N]

Texts are lines with title and summary; without a file they are made up. Every row runs in a process of its own and
prints, from that same process: the floor (the bare automaton over the same folded texts), folding and automaton, and
matching. The last line compares rows in slices taken in turn, the best of each: it holds on a busy machine too.
"""

from __future__ import annotations

import argparse
import gc
import json
import lzma
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from monitor import text
from monitor.model import Entry
from monitor.rules.load import load_rules
from monitor.rules.rule_set import RuleSet

COUNTS = (100, 1_000, 10_000)
CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "background.jsonl.xz"


def read_texts(file: Path | None, limit: int) -> list[Entry]:
    """Entries of a file of JSON lines, or made-up ones."""
    if file is None or not file.exists():
        return [made_up(number) for number in range(min(limit, 20_000))]
    with (lzma.open if file.suffix == ".xz" else open)(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Entry(row.get("source", ""), (), row["title"], row.get("summary", ""), url=row.get("url", ""))
        for row in rows[:limit]
    ]


def made_up(number: int) -> Entry:
    """A headline and a summary of words with a long tail."""
    chance = random.Random(number)
    words = [
        f"{chance.choice('bcdfglmprst')}{'aeiou'[int(n) % 5]}{int(n):x}"
        for n in (chance.paretovariate(0.4) for _ in range(32))
        if n < 1e9
    ]
    return Entry("feed", (), " ".join(words[:10]).capitalize(), " ".join(words[10:]).capitalize() + ".")


def generated_rules(count: int, entries: Iterable[Entry]) -> str:
    """A rule file of mixed queries over words that occur: a third of the words common, the rest from the tail."""
    frequency: dict[str, int] = {}
    for entry in entries:
        for found in text.words(f"{entry.title} {entry.summary}"):
            if len(found) > 3 and found.isascii() and found.isalpha():
                frequency[found] = frequency.get(found, 0) + 1
    ranked = sorted(frequency, key=lambda one: (-frequency[one], one))
    common, tail = ranked[100:2_000], ranked[2_000:40_000] or ranked
    chance = random.Random(count)

    def word() -> str:
        return chance.choice(common if chance.random() < 0.33 else tail)

    shapes: list[Callable[[], str]] = [
        lambda: f'"{word()} {word()}"',
        lambda: f'"{word()} {word()}" OR "{word()} {word()} {word()}"',
        lambda: f"{word()} AND {word()}",
        lambda: f"{word()} NEAR/{chance.randint(2, 12)} ({word()} OR {word()})",
        lambda: f"({word()} OR {word()[:5]}*) AND {word()} AND NOT {word()}",
        lambda: f'{word()} NEAR/s {word()} AND NOT "{word()} {word()}"',
    ]
    rules = []
    for number in range(count):
        query = chance.choice(shapes)()
        rules.append(f"  - id: r{number}\n    title: Rule {number}\n    when: |\n      {query}\n")
        example = " ".join(dict.fromkeys(w for w in query.replace('"', " ").split() if w.isalpha() and w.islower()))
        rules.append(f"    must_not_match: [an unrelated line of text about {example[:1]}]\n")
    return "version: 1\nrules:\n" + "".join(rules)


def cpu(work: Callable[[], Any]) -> float:
    """CPU seconds of the better of two runs."""
    times = []
    for _ in range(2):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def measure(rules: RuleSet, entries: list[Entry]) -> dict[str, Any]:
    """Entries a CPU second: the floor, folding and floor, and the whole match."""
    gc.collect()
    gc.freeze()  # the texts are the bench's, not the matcher's
    folded = [text.spaced((one.title, one.summary, one.content)) for one in entries]
    find = rules.index.literals.automaton.find_matches_as_indexes
    floor = cpu(lambda: deque((find(one, overlapping=True) for one in folded), 0))
    folding = cpu(lambda: deque((text.spaced((e.title, e.summary, e.content)) for e in entries), 0))
    hits = sum(len(rules.match(one)) for one in entries[:2_000]) / min(len(entries), 2_000)
    whole = cpu(lambda: deque(map(rules.match, entries), 0))
    return {
        "rules": len(rules.rules),
        "literals": len(rules.index.literal_terms),
        "floor": round(len(entries) / floor),
        "fold+floor": round(len(entries) / (floor + folding)),
        "matched": round(len(entries) / whole),
        "us": round(whole / len(entries) * 1e6, 1),
        "hits/entry": round(hits, 4),
    }


def memory() -> float:
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one_row(arguments: argparse.Namespace) -> dict[str, Any]:
    """A row, measured in this process. Loading is measured before the texts are in memory."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "rules.yaml")
        if arguments.one:
            file.write_text(arguments.made.read_text())
        paths = [file] if arguments.one else [arguments.config / "rules"]
        before = memory()
        begin = time.process_time()
        rules = load_rules(paths)
        first = time.process_time() - begin
        peak = memory()
        begin = time.process_time()
        rules = load_rules(paths, rules.examples_passed)
        again = time.process_time() - begin
    row = measure(rules, read_texts(arguments.texts, arguments.limit))
    return {"pack": "generated" if arguments.one else "shipped", **row} | {
        "load_s": round(first, 2),
        "reload_s": round(again, 2),
        "load_peak_mb": round(peak),
        "before_mb": round(before),
    }


def main() -> None:
    """All rows, each in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, default=CORPUS)
    parser.add_argument("--config", type=Path, default=Path(__file__).parents[1] / "config")
    parser.add_argument("--limit", type=int, default=20_000)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--made", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(one_row(arguments)))
        return
    entries = read_texts(arguments.texts, arguments.limit)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for count in (0, *COUNTS):
            made = Path(scratch, f"{count}.yaml")
            made.write_text(generated_rules(count, entries) if count else "")
            command = [
                sys.executable,
                __file__,
                "--one",
                str(count),
                "--made",
                str(made),
                "--config",
                str(arguments.config),
            ]
            command += ["--texts", str(arguments.texts), "--limit", str(arguments.limit)]
            rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
            print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    print(compared(arguments, entries))


def compared(arguments: argparse.Namespace, entries: list[Entry]) -> str:
    """The cost of the shipped pack and of few and many generated rules, measured in turns."""
    with tempfile.TemporaryDirectory() as scratch:
        sets = {"shipped": load_rules([arguments.config / "rules"])}
        for count in (COUNTS[0], COUNTS[-1]):
            made = Path(scratch, f"{count}.yaml")
            made.write_text(generated_rules(count, entries))
            sets[str(count)] = load_rules([made])
    gc.collect()
    gc.freeze()
    slices = [entries[at : at + 1000] for at in range(0, len(entries), 1000)]
    best = {(name, at): float("inf") for name in sets for at in range(len(slices))}
    for _ in range(5):
        for at, some in enumerate(slices):
            for name, rules in sets.items():
                begin = time.perf_counter()
                deque(map(rules.match, some), 0)
                best[name, at] = min(best[name, at], time.perf_counter() - begin)
    us = {name: sum(best[name, at] for at in range(len(slices))) / len(entries) * 1e6 for name in sets}
    few, many = us[str(COUNTS[0])], us[str(COUNTS[-1])]
    return (
        f"in turns: shipped pack {us['shipped']:.1f} us ({1e6 / us['shipped']:.0f}/s), {COUNTS[0]} rules {few:.1f} us,"
        f" {COUNTS[-1]} rules {many:.1f} us: {many / few:.1f} times the cost"
    )


if __name__ == "__main__":
    main()
