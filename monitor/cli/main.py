"""Where the program begins. Nothing heavy is imported before the garbage collector stands aside."""

from __future__ import annotations

import sys
from typing import NoReturn

from monitor.cli.garbage import making_what_stays


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    with making_what_stays():
        from monitor.cli.commands import perform, prepared

        words = prepared(sys.argv[1:] if argv is None else argv)
    code = perform(words)
    with making_what_stays():  # what is left now goes with the process: nobody need look through it first
        sys.exit(code)


if __name__ == "__main__":
    main()
