"""The process that reads documents: started by reader.py, spoken to over its standard input and output.

A job is `>II` (lengths), the order and the document's bytes; an answer is `>I?` (length, whether it is the last), JSON.
The kernel holds the limits: memory by RLIMIT_AS, time by a CPU timer whose signal kills. Neither can be argued with.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from monitor.errors import ParseError
from monitor.feeds import reading
from monitor.feeds.wire import ANSWER, JOB
from monitor.model import FeedFormat

_MIB = 1024 * 1024
_RECYCLE = 48 * _MIB  # a worker that once grew by so much is replaced: memory seldom comes back


def main() -> None:
    """Serves jobs until the input ends. Arguments: MiB of memory to grow by, CPU seconds a job."""
    grow, seconds = int(sys.argv[1]) * _MIB, float(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C and a stop of the unit are the main process's to handle
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _warm_up()
    _limit_memory(grow)
    base = _peak()
    while order := _job(jobs):
        answer = _answer(*order, seconds)
        last = answer is None or _peak() - base > _RECYCLE
        answer = answer or reading.refusal("needs more memory than a document may have")
        answers.write(ANSWER.pack(len(answer), last) + answer)
        answers.flush()
        if last:
            return


def _warm_up() -> None:
    """Imports everything and runs it once, before the memory limit is drawn around what it takes."""
    order = reading.job(
        "", FeedFormat.AUTO, "http://example.org/", {}, datetime.max.replace(tzinfo=UTC) - timedelta(days=9)
    )
    reading.perform(order, b"<rss version='2.0'><channel><item><title>a &amp; b</title></item></channel></rss>")


def _limit_memory(grow: int) -> None:
    size = Path("/proc/self/statm")
    if size.exists():
        used = int(size.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + grow, used + grow))


def _peak() -> int:
    """The most memory this program ever held, in bytes. (getrusage also counts what started us.)"""
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        found = None
    return int(found[1]) * 1024 if found else 0


def _job(jobs: BinaryIO) -> tuple[bytes, bytes] | None:
    head = jobs.read(JOB.size)
    if len(head) < JOB.size:
        return None
    order, body = JOB.unpack(head)
    return jobs.read(order), jobs.read(body)


def _answer(order: bytes, body: bytes, seconds: float) -> bytes | None:
    """The answer to a job; None when memory ran out. SIGPROF, not caught, ends a job that takes too long."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return reading.perform(order, body)
    except ParseError as error:
        return reading.refusal(str(error))
    except RecursionError:
        return reading.refusal("is nested too deeply")
    except MemoryError:
        return None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
