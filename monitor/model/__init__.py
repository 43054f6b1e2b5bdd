"""The frozen values that travel through the pipeline.

They are plain data: no I/O, no clock, no ids made here. Times are timezone-aware UTC datetimes, durations timedeltas.
Texts of an Entry are what a reader sees: tags gone, entities decoded, whitespace folded.
"""

from monitor.model.acting import Command, Person, Press, Reception, Verb
from monitor.model.deliveries import Action, Alert, Delivery, DeliveryState, Message, Mute, Reason, Role, Thread, what
from monitor.model.feeds import (
    CANARY,
    UNREADABLE,
    Document,
    Entry,
    Feed,
    FeedFormat,
    FeedHealth,
    FeedState,
    Parsed,
    PublisherHints,
    RawItem,
    Rhythm,
    Trust,
)
from monitor.model.shifts import STAGE_WORDS, Confidence, Direction, Hit, Severity, Shift, ShiftObject, Span, Stage
from monitor.model.stories import ASIDES, Candidate, Context, Coverage, OpenStory, Step, Story, Storyline, last_move

__all__ = [
    "ASIDES",
    "CANARY",
    "STAGE_WORDS",
    "UNREADABLE",
    "Action",
    "Alert",
    "Candidate",
    "Command",
    "Confidence",
    "Context",
    "Coverage",
    "Delivery",
    "DeliveryState",
    "Direction",
    "Document",
    "Entry",
    "Feed",
    "FeedFormat",
    "FeedHealth",
    "FeedState",
    "Hit",
    "Message",
    "Mute",
    "OpenStory",
    "Parsed",
    "Person",
    "Press",
    "PublisherHints",
    "RawItem",
    "Reason",
    "Reception",
    "Rhythm",
    "Role",
    "Severity",
    "Shift",
    "ShiftObject",
    "Span",
    "Stage",
    "Step",
    "Story",
    "Storyline",
    "Thread",
    "Trust",
    "Verb",
    "last_move",
    "what",
]
