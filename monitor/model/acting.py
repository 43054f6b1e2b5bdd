"""What people do from Slack: buttons they press, commands they type, and what came of it on a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verb(StrEnum):
    """What a button of a storyline's message does; also its `action_id` in Slack."""

    RELEVANT = "relevant"
    NOISE = "noise"
    MUTE_RULE = "mute_rule"
    MUTE_STORY = "mute_story"
    UNMUTE_RULE = "unmute_rule"
    UNMUTE_STORY = "unmute_story"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in Slack: the id never changes, the name is what they are called now."""

    id: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} (Slack {self.id})" if self.name else f"Slack {self.id}"


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button. `key` tells this press from every other, however often Slack reports it.

    `channel` and `ts` name the message it stands on, `story_id` the story that message showed, as the button says.
    `answer_url` takes the answer that only this person sees; it is a secret while it lasts.
    """

    key: str
    verb: Verb
    person: Person
    channel: str
    ts: str
    story_id: int | None = None
    answer_url: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """`/licensewatch WORDS`, as somebody typed it."""

    key: str
    words: tuple[str, ...]
    person: Person
    answer_url: str = ""


@dataclass(frozen=True, slots=True)
class Reception:
    """How a storyline was taken: judgements of people, and until when its rules and its stories are muted."""

    relevant: int = 0
    noise: int = 0
    rules_until: datetime | None = None
    story_until: datetime | None = None
