"""The process that reads documents: started by reader.py, spoken to over its standard input and output.

A job is `>II` (lengths), the order and the document's bytes; an answer is `>I?` (length, whether it is the last), and
what wire.py says. Its third argument says what it reads: `feeds` (reading.py) or `pages` (article.py); other programs
serve with a work of their own (daemon/sifter.py). The kernel holds the limits: memory by RLIMIT_AS, time by a CPU timer
whose signal kills. Neither can be argued with.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from monitor.errors import ParseError
from monitor.feeds import wire
from monitor.feeds.wire import ANSWER, JOB
from monitor.model import FeedFormat

Perform = Callable[[bytes, bytes], bytes]
_MIB = 1024 * 1024
_RECYCLE = 48 * _MIB  # a worker that once grew by so much is replaced: memory seldom comes back


def main(warm_up: Callable[[str], Perform] | None = None) -> None:
    """Serves jobs until the input ends. Arguments: MiB of memory to grow by, CPU seconds a job, and the work.

    `warm_up` returns what does the work that was named, with everything imported and run once.
    """
    grow, seconds = int(sys.argv[1]) * _MIB, float(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C and a stop of the unit are the main process's to handle
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    perform = (warm_up or warmed_up)(sys.argv[3])
    _limit_memory(grow)
    base = _peak()
    while order := _job(jobs):
        answer = _answer(partial(perform, *order), seconds)
        last = answer is None or _peak() - base > _RECYCLE
        answer = answer or wire.refusal("needs more memory than a document may have")
        answers.write(ANSWER.pack(len(answer), last) + answer)
        answers.flush()
        if last:
            return


def warmed_up(work: str) -> Perform:
    """Imports everything and runs it once, before the memory limit is drawn around what it takes."""
    if work == "pages":
        from monitor.feeds import article

        page = b"<html><body><article>" + b"<p>A page with a paragraph of words in it.</p>" * 20
        article.perform(b'["text", "http://example.org/"]', page)
        article.perform(b'["robots", "http://example.org/", "a"]', b"User-agent: *\nDisallow: /b")
        return article.perform
    from monitor.feeds import reading

    order = wire.job(
        "", FeedFormat.AUTO, "http://example.org/", {}, datetime.max.replace(tzinfo=UTC) - timedelta(days=9)
    )
    reading.perform(order, b"<rss version='2.0'><channel><item><title>a &amp; b</title></item></channel></rss>")
    return reading.perform


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


def _answer(perform: Callable[[], bytes], seconds: float) -> bytes | None:
    """The answer to a job; None when memory ran out. SIGPROF, not caught, ends a job that takes too long.

    What a library raises that nobody foresaw is an answer as well: it says more than the death of the worker would.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return perform()
    except ParseError as error:
        return wire.refusal(str(error))
    except RecursionError:
        return wire.refusal("is nested too deeply")
    except MemoryError:
        return None
    except Exception as error:
        return wire.refusal(f"trips up what reads it ({type(error).__name__})")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
