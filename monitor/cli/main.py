"""Where the program begins. Nothing heavy is imported before the garbage collector stands aside."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from monitor.cli.garbage import making_what_stays


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    with _ending_quietly(), making_what_stays():
        from monitor.cli.commands import perform, prepared

        words = prepared(sys.argv[1:] if argv is None else argv)
    code = perform(words)
    with _ending_quietly(), making_what_stays():  # what is left goes with the process: nobody need look through it
        sys.exit(code)


@contextmanager
def _ending_quietly() -> Iterator[None]:
    """Ctrl-C ends the process at once, without a traceback: a command has not begun here, or is over."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # who started us wants it ignored
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    yield
    signal.signal(signal.SIGINT, before)  # not after SystemExit: what runs at exit is no place for a traceback either


if __name__ == "__main__":
    main()
