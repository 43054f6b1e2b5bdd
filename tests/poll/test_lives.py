"""A33: lives of stories as a subscriber sees them: what each report leads to, from feed document to alert."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime

import pytest

from monitor.alerts import reading
from monitor.model import Feed, Mute, Reason, Trust
from monitor.store import alerts, mutes, stories
from monitor.store.engine import Database
from tests.poll.house import House, item

NEW = "new story"
QWEN_CLOSES = "Alibaba announces Qwen 8 will be closed"
QWEN_BACK = "Alibaba reverses decision to close Qwen 8"
CLOSES = "Mistral announces Mistral Large 4 will be closed"
DENIES = "Mistral denies that Mistral Large 4 will be closed"
BOTH = "Mistral and Google stop releasing open weights"
MIMO_OPENS = "Xiaomi releases MiMo 5 weights under MIT"
MIMO_PULLED = "Xiaomi pulls MiMo 5 weights: model is closed now"


@dataclass(frozen=True)
class Says:
    """A report: by which feed, the day it was said (and came), and what people hear of it; `told` "" is nothing.

    `edits`: it is another wording of the report of that number, counted from 1.
    """

    feed: str
    day: float
    title: str
    told: str = ""
    text: str = ""
    edits: int = 0
    came: float | None = None


LIVES = {
    "the lab takes it back, and the press calls that a reversal hours later": [
        Says("wire", 0, CLOSES, NEW),
        Says(
            "lab",
            9,
            "Mistral Large 4: we listened",
            "closing → opening, says Mistral AI",
            text="We are reversing our "
            "decision. The weights of Mistral Large 4 will be published under Apache 2.0 next week.",
        ),
        Says("ledger", 9.2, "Mistral reverses course, will release Mistral Large 4 weights under Apache 2.0"),
        Says("wire", 16, "Mistral Large 4 weights are out: Mistral releases them under Apache 2.0", "in effect"),
    ],
    "the press calls it a reversal, and the lab says so hours later": [
        Says("wire", 0, CLOSES, NEW),
        Says("ledger", 9, "Mistral reverses course, will release Mistral Large 4 weights under Apache 2.0", "reversed"),
        Says(
            "lab",
            9.2,
            "Mistral Large 4: we listened",
            "first primary source",
            text="The weights of Mistral Large 4 will be published under Apache 2.0 next week.",
        ),
    ],
    "a denial of what was taken back is a note, and no step back": [
        Says("wire", 0, QWEN_CLOSES, NEW),
        Says("ledger", 6, QWEN_BACK, "reversed"),
        Says("wire", 9, "Alibaba denies it will close Qwen 8 again after the reversal", "a denial is reported by Wire"),
    ],
    "a denial after the decision is told, though the rumour was denied before": [
        Says("wire", 0, "xAI reportedly plans to stop open-sourcing Grok 6", NEW),
        Says("ledger", 1, "xAI denies it will stop open-sourcing Grok 6", "a denial is reported by Ledger"),
        Says("wire", 4, "xAI's Musk confirms Grok 6 will not be open-sourced", "announced"),
        Says("ledger", 4.2, "xAI confirms: Grok 6 will not be open-sourced"),
        Says("ledger", 6, "xAI denies Grok 6 has been closed", "a denial is reported by Ledger"),
        Says("ledger", 6, "xAI denies that Grok 6 has been closed", edits=5),
    ],
    "what was denied comes true, and the lab says so": [
        Says("wire", 0, "Mistral releases Mistral Large 4 weights under Apache 2.0", NEW),
        Says("lab", 0.1, "Mistral Large 4", "the lab itself speaks", text="The weights of Mistral Large 4 are out."),
        Says("ledger", 2, "Mistral denies it will pull Mistral Large 4 weights", "a denial is reported by Ledger"),
        Says("wire", 3, "Mistral pulls Mistral Large 4 weights over safety", "opening → closing"),
        Says(
            "lab",
            3.1,
            "A note on Mistral Large 4",
            ": Mistral AI",
            text="We have taken the weights of Mistral Large 4 down while we look into a safety report.",
        ),
    ],
    "a lab's word that no rule reads does not blur which way its story goes": [
        Says("wire", 0, CLOSES, NEW),
        Says(
            "lab",
            0.2,
            "An update on our largest model",
            "the lab itself speaks",
            text="We have decided to keep the weights of Mistral Large 4 with us for now.",
        ),
        Says("ledger", 0.9, "Mistral releases Mistral Large 4 weights under its own licence", "closing → opening"),
    ],
    "talk of closing a model, and limits on the use of its range": [
        Says("wire", 0, "Meta considers keeping Llama 9 closed, insiders say", NEW),
        Says("ledger", 0.5, "Meta tightens its usage policy: Llama may no longer be used for surveillance", NEW),
    ],
    "a delay that also decides": [
        Says("wire", 0, "Alibaba weighs making Qwen 8 closed", NEW),
        Says(
            "ledger", 4, "Alibaba delays closing of Qwen 8 to January", "announced, and a delay is reported by Ledger"
        ),
    ],
    "a date that was missed is a delay, and the release is told": [
        Says("wire", 0, "xAI will open-source Grok 6 in mid-January, Musk says", NEW),
        Says("wire", 50, "Still no open Grok 6: xAI misses its own deadline", "a delay is reported by Wire"),
        Says("ledger", 52, "Musk: open-source Grok 6 is a few weeks late"),
        Says("wire", 66, "xAI releases Grok 6 weights", "announced → in effect"),
    ],
    "a story that begins with a delay": [
        Says("wire", 0, "OpenAI to delay its open-weight model gpt-oss-2 for safety tests", NEW),
        Says("ledger", 0.2, "OpenAI delays open-weight model gpt-oss-2"),
        Says("wire", 12, "OpenAI releases gpt-oss-2 weights under Apache 2.0", "announced → in effect"),
    ],
    "a promise is made once more weeks later, under a later date": [
        Says("wire", 0, "xAI will open-source Grok 6 by the end of January, Musk says", NEW),
        Says("ledger", 40, "Musk promises open-source Grok 6"),
        Says("ledger", 75, "Musk says xAI will open-source Grok 6 by the end of March", "opening"),
    ],
    "no plans to, after a rumour of it, is a denial": [
        Says("wire", 0, "Anthropic considers first open-weight model, sources say", NEW),
        Says("ledger", 2, "Anthropic has no plans to release open weights", "a denial is reported by Ledger"),
        Says("wire", 2.1, "Anthropic: no plans for open-weight Claude"),
        Says("wire", 29, "Anthropic publishes weights of Claude 2", "under consideration → in effect"),
    ],
    "no plans to, and nobody spoke of it": [Says("wire", 0, "Anthropic has no plans to release open weights", NEW)],
    "a state that drops the rule it proposed weeks ago": [
        Says("wire", 0, "US proposes rule: licence needed to publish weights of large models", NEW),
        Says(
            "ledger",
            0.2,
            "Washington moves to control publication of AI model weights",
            "announced",
            text="The proposed rule would require developers to obtain a licence before publishing weights of the "
            "largest models.",
        ),
        Says("wire", 25, "US drops proposed rule on open-weight AI models", "announced → reversed"),
    ],
    "a state that drops another rule than it spoke of": [
        Says("wire", 0, "US considers export curbs on chips and open-weight models", NEW),
        Says("ledger", 9, "US withdraws proposed rule on training data of open models", NEW),
    ],
    "a lab that looks at its terms again undoes nothing": [
        Says("wire", 0, "Mistral tightens licence of Mistral Large 4", NEW),
        Says(
            "lab",
            2,
            "A note on our licence",
            "first primary source",
            text="We have heard your feedback on the licence of Mistral Large 4. We are reviewing the terms.",
        ),
        Says("wire", 9, "Mistral loosens licence of Mistral Large 4 again", "restricting → loosening, says Wire"),
    ],
    "put off again the next day": [
        Says("wire", 0, "Zhipu to open GLM-7 weights in December", NEW),
        Says("ledger", 3, "Zhipu delays release of GLM-7 open weights to spring", "a delay is reported"),
        Says("wire", 3.3, "GLM-7 open weights delayed, Zhipu says"),
        Says("wire", 4, "GLM-7 open weights pushed back again, Zhipu says", "a delay is reported by Wire"),
        Says("ledger", 4.1, "Zhipu again delays open weights of GLM-7"),
    ],
    "a denial dated hours before the decision it denies": [
        Says("wire", 1, CLOSES, NEW),
        Says("ledger", 0.8, DENIES, "a denial is reported by Ledger", came=1.1),
    ],
    "a denial of the rumour, in time, that comes after the decision": [
        Says("wire", 0, "Mistral considers keeping Mistral Large 4 closed", NEW),
        Says("wire", 1, CLOSES, "announced"),
        Says("ledger", 0.8, DENIES, came=1.1),
    ],
    "opposite turns within a day, told by who knows": [
        Says("wire", 0, MIMO_OPENS, NEW),
        Says("ledger", 0.1, MIMO_PULLED, "opening → closing"),
        Says("forum", 0.2, "Xiaomi opened MiMo 5 under MIT"),
        Says("ledger", 0.4, "Xiaomi releases MiMo 5 weights under the MIT licence", "closing → opening, says Ledger"),
        Says("wire", 0.5, "Xiaomi opens MiMo 5 weights under MIT"),
    ],
    "promised against a report that it stays closed, denied, done by the lab, and told by those who come late": [
        Says("wire", 0, CLOSES, NEW),
        Says("ledger", 0.2, "Mistral to release Mistral Large 4 weights under Apache 2.0", "closing → opening"),
        Says("byte", 0.4, "Mistral Large 4 will be closed, contrary to report", "opening → closing, says Byte"),
        Says(
            "lab",
            0.6,
            "Mistral Large 4 weights",
            "closing → opening · in effect, says Mistral AI",
            text="The weights of Mistral Large 4 are released under the Apache 2.0 licence today.",
        ),
        Says("late", 0.7, "Mistral will not release Mistral Large 4 weights"),
        Says("forum", 0.8, "Mistral Large 4 weights are up on Hugging Face, Apache 2.0"),
    ],
    "slow reports of what was taken back two days ago": [
        Says("wire", 0, MIMO_OPENS, NEW),
        Says("ledger", 0.5, MIMO_PULLED, "opening → closing"),
        Says("forum", 2.2, "Xiaomi has released MiMo 5 weights under MIT"),
        Says("wire", 6, "Xiaomi opens the weights of MiMo 5", "closing → opening"),
    ],
    "an outlet corrects what it reported": [
        Says("wire", 0, "Databricks will not publish DBRX 6 weights", NEW),
        Says("ledger", 0.2, "Databricks won't publish weights of DBRX 6"),
        Says(
            "wire",
            0,
            "Correction: Databricks has not decided on DBRX 6",
            "a correction is published by Wire",
            edits=1,
            text="An earlier version said otherwise.",
            came=5,
        ),
        Says("wire", 0, "Correction: Databricks has not yet decided on DBRX 6", edits=1, came=6),
    ],
    "what names no model is of the one named before": [
        Says("wire", 0, "Databricks will not publish DBRX 6 weights", NEW),
        Says("ledger", 0.2, "Databricks drops open weights for its newest model", "in effect"),
        Says("wire", 0.9, "Databricks reverses decision to close DBRX 6", "reversed"),
    ],
    "two labs that both act are none of the story of one": [
        Says("wire", 0, "Zhipu will not release weights of GLM-6", NEW),
        Says("ledger", 0.1, "StepFun and Zhipu both keep flagship weights closed", NEW, text="GLM-6 will not be open."),
    ],
    "two labs in one headline, each told again alone; what the lab says and what turns is its own": [
        Says("wire", 0, BOTH, NEW, text="Mistral Large 4 will be closed, and so will Gemma 9."),
        Says("ledger", 0.1, "Mistral stops releasing open weights with Mistral Large 4"),
        Says("byte", 0.2, "Google ends open weights: Gemma 9 will be closed"),
        Says("lab", 0.3, "Mistral Large 4", NEW, text="We are not releasing the weights of Mistral Large 4."),
        Says("ledger", 0.4, "Google denies that Gemma 9 will be closed", NEW),
        Says("wire", 2, "Google reverses decision to close Gemma 9", "reversed"),
    ],
    "a headline about two labs that only consider it, and one that decides": [
        Says("wire", 0, "Mistral and Google consider keeping Mistral Large 4 and Gemma 9 closed", NEW),
        Says("ledger", 0.1, "Google considers keeping Gemma 9 closed"),
        Says("byte", 0.2, "Google announces that Gemma 9 will be closed", NEW),
        Says("byte", 0.3, "Google reverses: Gemma 9 to be open after all", "closing → opening"),
        Says("ledger", 9, "Mistral is considering keeping Mistral Large 4 closed", NEW),
    ],
    "an analysis moves nothing": [
        Says("wire", 0, "IBM will keep Granite 7 proprietary", NEW),
        Says("ledger", 2, "Why IBM closed Granite 7"),
    ],
    "a denial is edited after the decision that overtook it": [
        Says("wire", 0, "xAI reportedly plans to stop open-sourcing Grok 6", NEW),
        Says("ledger", 1, "xAI denies it will stop open-sourcing Grok 6", "a denial is reported by Ledger"),
        Says("wire", 4, "xAI's Musk confirms Grok 6 will not be open-sourced", "announced"),
        Says("ledger", 1, "xAI denies that it will stop open-sourcing Grok 6", edits=2, came=5),
    ],
    "a headline that is edited to and fro": [
        Says("wire", 0, "xAI will publish Grok 5 weights next month", NEW),
        Says("wire", 0, "xAI will NOT publish Grok 5 weights, Musk clarifies", "opening → closing", edits=1, came=0.2),
        Says("wire", 0, "xAI will publish Grok 5 weights next month", edits=1, came=0.3),
        Says("wire", 0, "xAI will NOT publish Grok 5 weights, Musk clarifies", edits=1, came=0.4),
    ],
    "an old report is rewritten, and corrected": [
        Says("wire", 0, "Mistral considers closing Mistral Large 4", NEW),
        Says("wire", 9, "Chip maker opens another plant"),
        Says("wire", 0, CLOSES, "under consideration → announced", edits=1, came=9.1),
        Says("wire", 0, "Correction: Mistral has decided nothing", "a correction is published", edits=1, came=9.2),
    ],
    "a use is forbidden of what was opened, after a denial of that, and is allowed again": [
        Says("wire", 0, "NVIDIA releases Nemotron 5 with open weights", NEW),
        Says("ledger", 0.1, "NVIDIA denies it will restrict military use of Nemotron 5", NEW),
        Says("byte", 2, "NVIDIA bans military use of Nemotron 5", "rumoured → in effect, says Byte"),
        Says("late", 2.7, "NVIDIA lifts ban on military use of Nemotron 5", "restricting → loosening"),
        Says("wire", 2.8, "Ban on military use of Nemotron 5 is gone, NVIDIA says"),
        Says("wire", 5, "NVIDIA pulls Nemotron 5 weights from Hugging Face", "opening → closing"),
    ],
    "the press restores what the lab says is back": [
        Says("wire", 0, "NVIDIA releases Nemotron 5 with open weights", NEW),
        Says("byte", 1, "NVIDIA pulls Nemotron 5 weights over safety bug", "opening → closing"),
        Says("lab", 3, "Nemotron 5 is back", "closing → opening", text="Nemotron 5 weights are available again."),
        Says("wire", 3.1, "NVIDIA restores Nemotron 5 weights"),
    ],
    "the lab opens after all what the press says it does after all": [
        Says("wire", 0, CLOSES, NEW),
        Says(
            "lab",
            5,
            "Mistral Large 4 is here",
            "closing → opening · in effect",
            text="Today we release Mistral Large 4. Its weights are available under the Apache 2.0 licence.",
        ),
        Says("wire", 5.1, "Mistral releases Mistral Large 4 under Apache 2.0 after all"),
    ],
    "two labs limit a use, and each eases that by its own terms": [
        Says("wire", 0, "Google and Microsoft restrict use of their models in China", NEW),
        Says("byte", 3, "Microsoft lifts restriction on use of its models in China", NEW),
        Says("late", 5, "Google, too, lifts China restriction on Gemini", NEW),
    ],
    "two labs decide, and take it back in one headline; each is told again": [
        Says("wire", 0, "Google and Meta announce an end to open weights", NEW),
        Says("ledger", 0.3, "Google and Meta stop open weights", "announced → in effect"),
        Says(
            "byte", 6, "Google and Meta both reverse course, will keep releasing open weights", "in effect → reversed"
        ),
        Says("late", 6.2, "Google reverses course, will keep releasing open weights"),
        Says("ledger", 6.4, "Google denies that it will keep releasing open weights", NEW),
    ],
    "terms are tightened, told of their licence, and tightened again": [
        Says("wire", 0, "Meta tightens Llama 9 licence: no use by firms over 100 million users", NEW),
        Says("ledger", 0.4, "Llama 9 licence now bars large firms"),
        Says("byte", 12, "Meta tightens Llama 9 licence again, bars use in defence", "restricting"),
        Says("late", 12.5, "Llama 9: licence now also excludes military use"),
    ],
    "a court ends what a government did": [
        Says("wire", 0, "US bans Chinese open-weight models from federal use", NEW),
        Says("ledger", 6, "Court blocks US ban on Chinese open-weight models", "in effect → reversed"),
        Says("byte", 6.3, "Judge blocks US ban on Chinese open-weight models"),
    ],
    "a headline about two labs after each lab's own report, and what each does then": [
        Says("wire", 0, "Meta considers closing its open Llama models", NEW),
        Says("ledger", 0.2, "Alibaba weighs closing its open Qwen models", NEW),
        Says("byte", 0.5, "Meta and Alibaba weigh closing their open models"),
        Says("late", 0.7, "Alibaba and Meta consider going closed with Qwen and Llama"),
        Says("wire", 1, "Meta and Mistral weigh closing their open models", NEW),
        Says("late", 3, "Meta announces that Llama will be closed", "under consideration → announced"),
        Says("wire", 4, "Alibaba and Meta announce their models will be closed", NEW),
        Says("wire", 6, "Alibaba reverses decision to close Qwen", "reversed"),
    ],
    "what was edited is compared as it reads now": [
        Says("wire", 0, "xAI will publish Grok 5 weights next month", NEW),
        Says("wire", 0, "xAI will NOT publish Grok 5 weights, Musk clarifies", "opening → closing", edits=1, came=0.2),
        Says("ledger", 0.4, "xAI will not publish Grok 5 weights"),
    ],
}


def house_of(database: Database) -> House:
    said = {"lab": ("Mistral AI", Trust.PRIMARY), "forum": ("Forum", Trust.COMMUNITY)}
    said |= {"byte": ("Byte", Trust.PRESS), "late": ("The Late Edition", Trust.PRESS)}
    feeds = {
        name: Feed(name, f"https://{name}.example.org/feed", title, trust=trust)
        for name, (title, trust) in said.items()
    }
    house = House(database, feeds=feeds)
    for feed in house.feeds:
        house.poll(feed, item("Chip maker opens a plant", f"old-{feed}"))
    return house


def live(house: House, life: list[Says]) -> list[str]:
    """What people hear of each report: the line, or the reason where there is none."""
    began, heard = house.now, []
    for number, one in enumerate(life, 1):
        house.now = began + timedelta(days=one.day if one.came is None else one.came)
        dated = format_datetime(began + timedelta(days=one.day))
        outcome = house.poll(one.feed, item(one.title, one.edits or number, one.text, pubDate=dated))
        told = [each.alert for each in outcome.told if not each.alert.suppressed]
        heard.append("; ".join(alert.line or str(alert.reason) for alert in told))
    return heard


@pytest.mark.parametrize("life", [pytest.param(life, id=why) for why, life in LIVES.items()])
def test_what_people_hear(sqlite_database: Database, life: list[Says]) -> None:
    heard = live(house_of(sqlite_database), life)
    wrong = [
        (one.title, one.told, line)
        for one, line in zip(life, heard, strict=True)
        if (one.told not in line if one.told else line)
    ]
    assert wrong == []


def test_what_goes_on_from_a_headline_about_two_labs_links_back_to_it(sqlite_database: Database) -> None:
    """A33: two labs share no storyline, and a person finds the whole development all the same."""
    house = house_of(sqlite_database)
    live(
        house,
        [
            Says("wire", 0, BOTH, text="Mistral Large 4 will be closed, and so will Gemma 9."),
            Says("ledger", 2, "Google releases Gemma 9 Vision weights under Apache 2.0"),
            Says("byte", 2.1, "Mistral reverses decision to close Mistral Large 4"),
            Says(
                "wire", 2.2, "Meta and Cohere stop releasing open weights", text="So it goes for Llama 9 and Command B."
            ),
            Says("byte", 2.3, "Cohere reverses decision to close Command B"),
        ],
    )
    with house.database.read() as conn:
        found = [stories.storyline_of(conn, number) for number in range(1, 6)]
    assert [line.previous_id if line else "none" for line in found] == [None, None, 1, None, 4]


def test_what_is_no_part_of_what_two_labs_weigh_is_not_shown_there(sqlite_database: Database) -> None:
    """A33: a model that a lab opens meanwhile, and what it does to the use of its service, answer another question."""
    house = house_of(sqlite_database)
    life = [
        Says("wire", 0, "Meta and Alibaba weigh closing their open models"),
        Says("ledger", 2, "Meta releases SAM 5 segmentation model weights under Apache 2.0"),
        Says("byte", 3, "Alibaba restricts Qwen API use for US customers"),
        Says("late", 5, "Meta and Mistral announce their best models will be closed"),
    ]
    live(house, life)
    with house.database.read() as conn:
        assert [stories.kin_of(conn, number) for number in range(1, 5)] == [(4,), (), (), (1,)]


def test_a_mute_of_what_several_labs_do_is_one_of_each_lab_s_part(sqlite_database: Database) -> None:
    """A33: whoever wants no more of it hears nothing more; a mute of one lab's part leaves the other labs alone."""
    house = house_of(sqlite_database)
    live(house, [Says("wire", 0, BOTH, text="Mistral Large 4 will be closed, and so will Gemma 9.")])
    until = house.now + timedelta(days=20)
    with house.database.write() as conn:
        mute = mutes.add(conn, Mute(0, "story", "1", until, "anna"), house.now)
    back = Says("ledger", 2, "Mistral reverses decision to close Mistral Large 4", edits=2)
    assert live(house, [back]) == [""]
    with house.database.write() as conn:
        mutes.remove(conn, mute.id)
        mutes.add(conn, Mute(0, "story", "2", until, "anna"), house.now)
        assert stories.ids_of(conn, 2) == (2,), "its part has a storyline of its own"
    assert live(house, [Says("byte", 1, "Mistral and Google release open weights after all", edits=3)]) != [""]


def test_an_edit_that_no_rule_reads_is_told_nobody_and_shows(sqlite_database: Database) -> None:
    """A17: what the publisher changed is shown as it reads now; a lab's own word may take back what it said before."""
    house = house_of(sqlite_database)
    post = "An update on our largest model"
    kept = "We have decided to keep the weights of Mistral Large 4 with us for now."
    life = [
        Says("wire", 0, CLOSES, NEW),
        Says("wire", 0, "Mistral and its Large 4: what we know", edits=1, came=0.2),
        Says("lab", 0.3, post, "the lab itself speaks", text=kept),
        Says("lab", 0.3, f"{post} (edited)", edits=3, text=kept, came=0.4),
        Says("lab", 0.3, post, "the lab itself speaks", text=f"We are changing our plans. {kept}", edits=3, came=0.5),
        Says("lab", 0.3, f"{post}s", text=f"We are changing our plans. {kept}", edits=3, came=0.6),
    ]
    heard = live(house, life)
    assert [line.split(":")[0] for line in heard] == [one.told for one in life]
    with house.database.read() as conn:
        line = stories.storyline_of(conn, 1)
    assert line is not None
    assert reading.now(line).shift.direction == "closing", "it goes on saying what it said"
    shown = [(one.title, one.read) for one in reading.coverage_of(line)]
    assert shown == [("Mistral and its Large 4: what we know", True), (f"{post}s", False)]


@pytest.mark.parametrize(
    ("life", "stands"),
    [
        pytest.param(
            [
                Says("lab", 0, CLOSES, NEW),
                Says(
                    "lab",
                    0,
                    "An update on our largest model",
                    text="We have decided to keep the weights of Mistral Large 4 with us for now.",
                    edits=1,
                    came=0.2,
                ),
            ],
            ("closing", "announced", False),
            id="a lab's announcement",
        ),
        pytest.param(
            [
                Says("wire", 0, CLOSES, NEW),
                Says("ledger", 0.1, DENIES, "a denial is reported by Ledger"),
                Says("ledger", 0.1, "Mistral and its Large 4: what we know", edits=2, came=0.2),
            ],
            ("closing", "announced", True),
            id="a denial",
        ),
        pytest.param(
            [
                Says("wire", 0, CLOSES, NEW),
                Says("wire", 0, "Mistral may close Mistral Large 4", edits=1, came=0.1),
            ],
            ("closing", "considering", False),
            id="an announcement that an edit makes a thought",
        ),
    ],
)
def test_what_no_rule_reads_any_more_goes_on_saying_what_it_said(
    sqlite_database: Database, life: list[Says], stands: tuple[str, str, bool]
) -> None:
    """A18: recorded as an edit, told to nobody, and the head of the message stays as it was."""
    house = house_of(sqlite_database)
    live(house, life)
    with house.database.read() as conn:
        line = stories.storyline_of(conn, 1)
        reasons = [one.alert.reason for one in alerts.of_story(conn, 1)]
    assert line is not None
    shift = reading.now(line).shift
    assert (shift.direction, shift.stage, shift.denied) == stands
    assert [one for one in reasons if one.startswith("edit")] == [Reason.EDITED], "and no repeat by an outlet"


def test_what_one_poll_brings_is_told_as_if_it_came_one_by_one(sqlite_database: Database) -> None:
    """A25, A33: a second article of the same feed is no second message, and a step is told as the step it is."""
    house = house_of(sqlite_database)
    told = [
        (1, "Alibaba weighs making Qwen 8 closed", NEW),
        (1.1, "Alibaba considers closing Qwen 8, sources say", ""),
        (3, QWEN_CLOSES, "under consideration → announced, says Wire"),
        (9, QWEN_BACK, "announced → reversed, says Wire"),
    ]
    began = house.now
    house.now += timedelta(days=10)
    items = [item(title, day, pubDate=format_datetime(began + timedelta(days=day))) for day, title, _ in told]
    outcome = house.poll("wire", *reversed(items))
    heard = ["" if one.alert.suppressed else one.alert.line or str(one.alert.reason) for one in outcome.told]
    assert heard == [line for *_, line in told]
    reasons = [one.alert.reason for one in outcome.told]
    with house.database.read() as conn:
        line = stories.storyline_of(conn, 1)
    assert line is not None
    assert [step.reason for step in line.steps] == [reasons[0], *reasons[2:]]
