"""Events of the log: each can be read alone, because it begins with what it is about."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from monitor.telemetry import Redactor

ROOT = Path(__file__).parents[1]
LEVELS = {"debug", "info", "warning", "error", "exception"}
SUBJECTS = """
alert button canary clock configuration daemon deliveries delivery feed feeds job jobs leader listener lock message
mute page poll polls press process queue receiver reload status task tick turns worker
"""


def events() -> Iterator[tuple[str, str]]:
    """Every event that a log call of ours names, and where."""
    for path in sorted((ROOT / "monitor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not _logs(node.func):
                continue
            first = node.args[0]
            for word in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
                if isinstance(word, ast.Constant):
                    yield str(word.value), f"{path.relative_to(ROOT)}:{node.lineno}"


def _logs(called: ast.expr) -> bool:
    return (
        (isinstance(called, ast.Attribute) and called.attr in LEVELS and ast.unparse(called.value) == "log")
        or (isinstance(called, ast.Name) and called.id == "level")
        or (isinstance(called, ast.IfExp) and ast.unparse(called).startswith("log."))
    )


def test_each_event_begins_with_what_it_is_about() -> None:
    found = list(events())
    assert len(found) > 60
    alone = [one for one in found if one[0].split()[0] not in SUBJECTS.split() or " " not in one[0]]
    assert alone == []


def test_events_that_the_documents_name_exist() -> None:
    known = {event for event, _ in events()}
    said = (
        (ROOT / "docs" / "operations.md").read_text("utf-8").partition("Each line of the log")[2].partition("\n\n")[0]
    )
    named = re.findall(r"`([a-z]+ [a-z ]+)`", said)
    assert len(named) > 5
    assert set(named) <= known


def test_what_would_act_on_a_terminal_is_written_out_wherever_it_stands() -> None:
    """A38: in a traceback, too, which a terminal's lines carry as it is."""
    event = {"event": "poll failed", "exception": "Traceback\n  x\x1b[2J\u202e", "feeds": ["\x9b"]}
    cleaned = Redactor()(None, "error", event)
    assert cleaned == {"event": "poll failed", "exception": "Traceback\n  x\\x1b[2J\\u202e", "feeds": ["\\x9b"]}
