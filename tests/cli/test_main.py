"""Where the program begins and ends: Ctrl-C is quiet there as it is within a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTERRUPT = "signal.raise_signal(signal.SIGINT)"
WHEN = {
    "while it loads": f"""
class Loading:
    def find_spec(self, name, *_):
        if name == "monitor.cli.commands":
            {INTERRUPT}
sys.meta_path.insert(0, Loading())
""",
    "at its end": f"atexit.register(lambda: {INTERRUPT})",
}


def done(program: str) -> tuple[int, str]:
    """The exit code and what was said on stderr of a Python program that calls ours."""
    # Whoever runs the tests in the background has Ctrl-C ignored in all that it starts.
    heard = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    begin = f"import atexit, signal, sys\n{heard}\nfrom monitor.cli.main import main\n"
    words = [sys.executable, "-c", f"{begin}{program}\nmain(['--version'])"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("interrupt", WHEN.values(), ids=WHEN.keys())
def test_an_interrupt_before_or_after_the_command_shows_no_traceback(interrupt: str) -> None:
    assert done(interrupt) == (130, "")


def test_who_wants_it_ignored_has_it_ignored() -> None:
    """A shell's background job goes on when Ctrl-C ends something else."""
    ignored = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
    assert done(f"{ignored}\n{WHEN['while it loads']}") == (0, "")
