"""What placing an entry costs with 10,000 open stories (goal: at most 2 ms), by hand or with `make bench`.

Beside it stands a floor measured in the same run: reading what the entry says, which no placing can do without.

The stories are made up: 60 labs with 6 model lines each, four versions, fifteen kinds of headline, three entries a
story, over 30 days; so each lab has about 170 open stories and each line about 28, which is far worse than life.
"""

from __future__ import annotations

import gc
import random
import resource
import statistics
import time
from datetime import UTC, datetime, timedelta

from monitor.model import Candidate, Direction, Entry, OpenStory, Shift, ShiftObject, Stage
from monitor.stories import traits
from monitor.stories.assign import StoryIndex, assign

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HEADLINES = (
    "{lab} opens the weights of {model}",
    "{lab} will keep {model} closed, sources say",
    "{model} by {lab} changes to a stricter licence",
    "{lab} delays the open release of {model} again",
    "Why {lab} may never publish {model}",
    "{model} now under Apache 2.0, {lab} announces",
    "Regulators ask {lab} about the terms of {model}",
    "{lab} bans rivals from using {model}",
    "Developers call the {model} licence open-washing, {lab} replies",
    "{lab} lifts the revenue cap on {model}",
    "Leak: {lab} weighs a paid licence for {model}",
    "{lab} pulls {model} weights from its hub page",
    "Researchers get {model} early as {lab} stages access",
    "{lab} promises {model} weights next month",
    "What the new {model} terms of {lab} mean for startups",
)
WORDS = (
    "europe",
    "court",
    "pricing",
    "safety",
    "benchmark",
    "partner",
    "cloud",
    "agents",
    "coding",
    "video",
    "robotics",
)


def candidate(number: int, dice: random.Random) -> Candidate:
    lab = f"Lab{dice.randrange(60)}"
    line = f"{lab}model{dice.randrange(6)}"
    model = f"{line} {dice.randrange(1, 5)}"
    title = dice.choice(HEADLINES).format(lab=lab, model=model) + f" {dice.choice(WORDS)} {dice.choice(WORDS)}"
    shift = Shift(
        dice.choice(list(Direction)), dice.choice(list(Stage)), ShiftObject.WEIGHTS, (lab,), (model,), evidence=title
    )
    at = NOW - timedelta(minutes=dice.randrange(30 * 24 * 60))
    url = f"https://example.org/{number}"
    entry = Entry(f"feed{number % 200}", (), title, f"{title}. " * 3, url=url, published_at=at)
    return Candidate(entry, shift, at, number)


def main() -> None:
    dice = random.Random(7)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.process_time()
    index = StoryIndex(OpenStory(n, n, tuple(candidate(3 * n + k, dice) for k in range(3))) for n in range(10_000))
    built = time.process_time() - start
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    gc.collect()
    placing, keeping, floor = [], [], []
    for number in range(500):
        one = candidate(100_000 + number, dice)
        start = time.process_time()
        traits.read(one)
        floor.append((time.process_time() - start) * 1000)
        start = time.process_time()
        placed = assign(one, index, NOW)
        middle = time.process_time()
        if placed.story_id is None:
            index.add(OpenStory(50_000 + number, placed.storyline_id or 50_000 + number, (one,)))
        else:
            index.join(placed.story_id, one)
        placing.append((middle - start) * 1000)
        keeping.append((time.process_time() - middle) * 1000)
    print(f"{len(index):,} open stories: index {size:.0f} MB, built in {built:.1f} s of CPU")
    least = statistics.median(floor)
    for what, took in (("floor: reading the entry", floor), ("assign", placing), ("add or join", keeping)):
        took.sort()
        middle = statistics.median(took)
        ratio = f"{middle / least:.1f} floors"
        print(f"{what}: median {middle:.2f} ms of CPU ({ratio}), 95 % {took[475]:.2f}, worst {took[-1]:.2f}")


if __name__ == "__main__":
    main()
