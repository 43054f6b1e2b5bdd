"""Where systemd's journal reads along, each line is an event, one JSON object, also before there is a log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MAIN = "from monitor.cli.main import main; main()"
BUG = "import monitor.cli.status as status; status.output.emit_json = lambda _: 1 // 0; " + MAIN


def said(tmp_path: Path, words: str, program: str = MAIN, *, journal: bool = True) -> tuple[int, str]:
    """The exit code, and what went to a stderr that is the journal, or only calls itself so."""
    config = tmp_path / "config"
    (config / "rules").mkdir(parents=True, exist_ok=True)
    (config / "feeds.yaml").write_text("feeds: []\n")
    (config / "monitor.yaml").write_text("web: {listen: null}\n" if words != "run" else "pollng: {}\nalert: {}\n")
    with (tmp_path / "journal").open("w+") as stream:
        place = os.fstat(stream.fileno())
        marks = {"JOURNAL_STREAM": f"{place.st_dev}:{place.st_ino + (not journal)}", "NO_COLOR": "1"}
        command = [sys.executable, "-c", program, "--config", str(config), *words.split()]
        how = {"env": {**os.environ, **marks}, "stdout": subprocess.DEVNULL, "stderr": stream, "cwd": ROOT}
        code = subprocess.run(command, timeout=60, check=False, **how).returncode
        stream.seek(0)
        return code, stream.read()


@pytest.mark.parametrize(
    ("words", "program", "code", "problem"),
    [
        ("run", MAIN, 2, "did you mean 'polling'?"),
        ("run --onec", MAIN, 2, "No such option: --onec"),
        ("rnu", MAIN, 2, "No such command 'rnu'"),
        ("run --all", MAIN, 2, "--all goes with --once"),
        ("status --json", BUG, 1, "ZeroDivisionError"),
    ],
)
def test_what_keeps_it_from_starting_is_an_event(
    tmp_path: Path, words: str, program: str, code: int, problem: str
) -> None:
    ended, text = said(tmp_path, words, program)
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    assert (ended, lines[-1]["event"], lines[-1]["level"]) == (code, "command failed", "error")
    assert problem in lines[-1]["problem"]


def test_a_stderr_that_leads_elsewhere_gets_sentences(tmp_path: Path) -> None:
    """A terminal of a desktop inherits the variable from the session; a file there is read by people."""
    assert said(tmp_path, "run --once --config=/nowhere", journal=False)[1].startswith("error: ")
