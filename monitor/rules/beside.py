"""Rules that a copy of this process makes, beside what else a start has to do: a second core is idle then.

The copy (a fork) compiles the rules and sends them, runs their examples and says what came of them, then keeps the
rules for the next start if it is told to, and ends. It listens to nothing but its end of a socket: when that closes, it
ends as well. Where this process has threads, none of which a copy would have, or cannot be copied, all of it is done
here when somebody asks; so are rules that do not compile, for what is wrong with them to be said.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple, replace
from struct import Struct
from typing import BinaryIO, NoReturn, Self

from monitor.errors import ConfigError, Place, Problem
from monitor.rules.examples import Examples
from monitor.rules.rule_set import RuleSet

Make = Callable[[], Examples]
Keep = Callable[[RuleSet], None]
_LENGTH = Struct(">Q")


class Beside:
    """Rules under way, of which `make` says how; a context manager, at whose end nothing of that is left."""

    def __init__(self, make: Make, keep: Keep) -> None:
        self._make = make
        self._compiled: RuleSet | None = None
        self._checked: RuleSet | None = None
        self._here: Examples | None = None  # compiled by this process
        self._keeping = False
        self._pid = 0
        self._ours: socket.socket | None = None
        self._answers: BinaryIO | None = None
        if threading.active_count() == 1:
            with suppress(OSError):
                self._begin(keep)

    def _begin(self, keep: Keep) -> None:
        ours, theirs = socket.socketpair()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C must not find the copy half made
        try:
            self._pid = os.fork()
            if not self._pid:
                ours.close()
                _serve(self._make, keep, theirs)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._ours, self._answers = ours, ours.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the copy, as soon as it has kept what it was told to keep."""
        if self._ours is None or self._answers is None:
            return
        self._answers.close()
        self._ours.close()
        if not self._keeping:
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._ours = self._answers = None

    def compiled(self) -> RuleSet:
        """The rules, compiled and no more. ConfigError names what keeps them from it."""
        if self._compiled is None:
            self._compiled = self._sent() or self._made().rules
        return self._compiled

    def checked(self) -> RuleSet:
        """The rules, once all examples have held. ConfigError names each that does not."""
        if self._checked is None:
            compiled = self.compiled()
            passed = self._passed()
            self._checked = self._made().checked() if passed is None else replace(compiled, examples_passed=passed)
        return self._checked

    def keep(self) -> None:
        """Let the rules, whose examples have held, be kept for the next start."""
        if self._ours is not None and not self._keeping:
            with suppress(OSError):
                self._ours.sendall(b"k")
                self._keeping = True

    def _made(self) -> Examples:
        if self._here is None:
            self._here = self._make()
        return self._here

    def _sent(self) -> RuleSet | None:
        """The rules that the copy compiled; None when there is none, or it died, or they do not compile."""
        if self._answers is None:
            return None
        head = self._answers.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack(head)
        pickled = self._answers.read(length)
        if len(pickled) < length:
            return None
        rules: RuleSet = pickle.loads(pickled)  # noqa: S301  # by ourselves, a moment ago
        return rules

    def _passed(self) -> frozenset[str] | None:
        """The examples that the copy saw hold; None when it died, or there is none."""
        answer = self._answers.readline() if self._answers is not None and self._here is None else b""
        if not answer.endswith(b"\n"):
            return None
        passed, problems = json.loads(answer)
        if problems:
            raise ConfigError(*(Problem(Place(*place), message, remedy) for place, message, remedy in problems))
        return frozenset(passed)


def _serve(make: Make, keep: Keep, theirs: socket.socket) -> NoReturn:
    """The life of the copy."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        examples = make()
        pickled = pickle.dumps(examples.rules, 5)
        theirs.sendall(_LENGTH.pack(len(pickled)) + pickled)
        os.nice(10)  # what the process itself does next is waited for; the rest of this is not
        passed, problems = examples.run()
        theirs.sendall(json.dumps([sorted(passed), list(map(astuple, problems))]).encode() + b"\n")
        if theirs.recv(1):
            keep(examples.with_passed(passed))
    finally:
        os._exit(0)  # whatever happened: what it says nothing of is done again, and the error said, where it was copied
