"""What the made-up service watches and has seen: outlets, rules, a year of shifts, and texts that mean harm."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model import Direction, Severity, ShiftObject, Stage, Trust

SCRIPT = "<script>alert('x')</script> & \"quotes\" <img src=x onerror=alert(1)>"
BIDI = "Weights \u202egnihton\u202c are open\x1b[31m now"
HUGE = "Endless" * 4000 + " headline without an end"
EVIL_LINK = "javascript:alert(document.domain)//https://example.org"

OUTLETS = (
    ("ledger", "The Open Ledger", Trust.PRESS),
    ("wire", "Sample Wire", Trust.PRESS),
    ("harbour", "Harbour Review", Trust.PRESS),
    ("newsroom", "Northwind Newsroom", Trust.PRIMARY),
    ("forum", "Model Forum", Trust.COMMUNITY),
    ("weekly", "Licence Weekly", Trust.PRESS),
    ("quiet", "The Quiet Quarterly", Trust.PRESS),
    ("moved", "Moved & Gone", Trust.PRESS),
    ("broken", "The Broken Gazette", Trust.PRESS),
    ("paused", "Paused Post", Trust.PRESS),
    ("fresh", "Fresh Paper", Trust.PRESS),
    ("policy", "Policy Desk", Trust.PRESS),
)

RULES = """version: 1
rules:
  - id: open-to-closed
    title: A lab moves from open to closed models
    severity: high
    when: closed AND model
    shift: {direction: closing}
  - id: licence-change
    title: A model's licence changes
    severity: medium
    when: licence AND (changes OR new)
  - id: usage-policy
    title: A usage policy is tightened
    severity: medium
    when: usage AND policy
  - id: never-yet
    title: Nobody ever wrote this
    severity: low
    when: xylophone AND zeppelin
"""


@dataclass(frozen=True)
class Told:
    """A story of the made-up past: how many days ago, and what it says."""

    days: float
    direction: Direction
    stage: Stage
    org: str
    model: str
    title: str
    outlets: int = 1
    severity: Severity = Severity.MEDIUM
    terms: tuple[str, str] = ("", "")
    evidence: str = ""
    baseline: bool = False
    object: ShiftObject = ShiftObject.WEIGHTS


D, S = Direction, Stage
PAST = (
    Told(
        0.05, D.CLOSING, S.CONSIDERING, "Northwind", "Leviathan 2",
        "Northwind weighs keeping its next flagship model closed", 5, Severity.HIGH, ("open", "closed"),
        "People close to the lab say the team has discussed dropping the open release of Leviathan 2 in favour of a "
        "closed one; nothing is decided.",
    ),
    Told(
        0.4, D.RESTRICTING, S.ANNOUNCED, "Calder Labs", "Calder Vision",
        "Calder Labs adds a revenue limit to the licence of its vision models", 3, Severity.MEDIUM,
        ("Apache-2.0", "LicenseRef-Calder-1.1"),
        "From March, companies above ten million in revenue need a separate agreement.",
        object=ShiftObject.LICENCE_TEXT,
    ),
    Told(
        1.2, D.OPENING, S.EFFECTIVE, "Tidewater", "Reef 70B",
        "Tidewater publishes the weights of Reef 70B under MIT", 4, Severity.LOW, ("closed", "MIT"),
        "The weights can be downloaded today, under the MIT licence, without a form.",
    ),
    Told(
        2.6, D.DISPUTE, S.ANNOUNCED, "Orchard AI", "Graft",
        "A foundation says Orchard's “open” licence is not open", 2,
        evidence="The licence forbids fields of use, which the definition does not allow.",
    ),
    Told(
        5, D.POLICY, S.EFFECTIVE, "Northwind", "", "Northwind rewrites its usage policy for agents",
        severity=Severity.LOW, object=ShiftObject.USAGE_POLICY,
    ),
    Told(
        9, D.LOOSENING, S.ANNOUNCED, "Calder Labs", "Calder Speech",
        "Calder Labs drops the non-commercial clause for its speech models", 2, Severity.LOW,
        ("CC-BY-NC-4.0", "CC-BY-4.0"),
    ),
)  # fmt: skip
ORGS = (
    "Northwind",
    "Calder Labs",
    "Tidewater",
    "Orchard AI",
    "Meridian",
    "Quill Systems",
    "Faraday Institute",
    "Basalt",
)
WORDS = {
    D.CLOSING: "{org} keeps {model} to itself",
    D.RESTRICTING: "{org} narrows what {model} may be used for",
    D.OPENING: "{org} opens {model}",
    D.LOOSENING: "{org} relaxes the terms of {model}",
    D.DISPUTE: "{org} is sued over the licence of {model}",
    D.POLICY: "{org} has a new policy for {model}",
    D.UNCLEAR: "{org} says something about {model}",
}


def past() -> list[Told]:
    """The latest stories, and some sixty older ones over a year, the same each time."""
    found = list(PAST)
    for number in range(64):
        direction = tuple(WORDS)[(number * 5 + number // 9) % 7]
        org = ORGS[(number * number + number // 3) % len(ORGS)]
        model = f"{org.split()[0]} {1 + number % 4}"
        found.append(
            Told(
                11 + number * 5.4 + (number * 37 % 11),
                direction,
                (S.ANNOUNCED, S.EFFECTIVE, S.RUMOUR, S.REVERSED)[number % 4],
                org,
                model,
                WORDS[direction].format(org=org, model=model),
                1 + number % 3,
                baseline=number % 13 == 7,
            )
        )
    return found
