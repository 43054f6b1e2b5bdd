"""A worker that answers its first document at once, and of the others two when both have come."""

from __future__ import annotations

import os
import sys

from monitor.feeds.wire import ANSWER, JOB, Reading, packed


def main() -> None:
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    answer = packed(Reading("rss20", "", "", 0))
    come = 0
    while head := jobs.read(JOB.size):
        jobs.read(sum(JOB.unpack(head)))
        come += 1
        if come % 2:
            answers.write((ANSWER.pack(len(answer), False) + answer) * (1 if come == 1 else 2))
            answers.flush()


if __name__ == "__main__":
    main()
