"""Examples that run in a copy of this process, beside what else a start has to do: a second core is idle then.

The copy (a fork, which has the compiled rules already) says what came of them, then keeps the rules for the next start
if it is told to, and ends. It listens to nothing but its end of a socket: when that closes, it ends as well. Where this
process has threads, none of which a copy would have, or cannot be copied, examples run here when somebody asks.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple
from typing import NoReturn, Self

from monitor.errors import ConfigError, Place, Problem
from monitor.rules.examples import Examples
from monitor.rules.rule_set import RuleSet

Keep = Callable[[RuleSet], None]


class Beside:
    """Rules whose examples are under way, or have held; a context manager, at whose end nothing of that is left."""

    def __init__(self, rules: RuleSet | Examples, keep: Keep) -> None:
        self._rules = rules
        self._keeping = False
        self._pid = 0
        self._ours: socket.socket | None = None
        if isinstance(rules, Examples) and threading.active_count() == 1:
            with suppress(OSError):
                self._begin(rules, keep)

    def _begin(self, examples: Examples, keep: Keep) -> None:
        ours, theirs = socket.socketpair()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C must not find the copy half made
        try:
            self._pid = os.fork()
            if not self._pid:
                ours.close()
                _serve(examples, keep, theirs)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._ours = ours

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the copy, as soon as it has kept what it was told to keep."""
        if self._ours is None:
            return
        self._ours.close()
        if not self._keeping:
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._ours = None

    def checked(self) -> RuleSet:
        """The rules, once all examples have held. ConfigError names each that does not."""
        if isinstance(self._rules, Examples):
            self._rules = self._told(self._rules) or self._rules.checked()
        return self._rules

    def _told(self, examples: Examples) -> RuleSet | None:
        """What the copy found out; None when there is none, or it died."""
        if self._ours is None:
            return None
        with self._ours.makefile("rb") as answers:
            answer = answers.readline()
        if not answer.endswith(b"\n"):
            return None
        passed, problems = json.loads(answer)
        if problems:
            raise ConfigError(*(Problem(Place(*place), message, remedy) for place, message, remedy in problems))
        return examples.with_passed(frozenset(passed))

    def keep(self) -> None:
        """Let the rules, whose examples have held, be kept for the next start."""
        if self._ours is not None and not self._keeping:
            with suppress(OSError):
                self._ours.sendall(b"k")
                self._keeping = True


def _serve(examples: Examples, keep: Keep, theirs: socket.socket) -> NoReturn:
    """The life of the copy."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.nice(10)  # what the process itself does next is waited for; this is not
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        passed, problems = examples.run()
        theirs.sendall(json.dumps([sorted(passed), list(map(astuple, problems))]).encode() + b"\n")
        if theirs.recv(1):
            keep(examples.with_passed(passed))
    finally:
        os._exit(0)  # whatever happened: what it says nothing of is done again, and the error said, where it was copied
