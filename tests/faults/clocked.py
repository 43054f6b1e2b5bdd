"""`licensewatch` with a wall clock that a test sets: the number of seconds in $CLOCK_FILE is how far it is off."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import time_machine

from monitor.cli.main import main


def follow(file: Path, really: float, steady: float) -> None:
    """Set the clock whenever the file says another number."""
    off, shown = 0.0, None
    while True:
        wanted = float(file.read_text() or 0)
        if wanted != off:
            if shown is not None:
                shown.stop()
            off = wanted
            shown = time_machine.travel(really + time.monotonic() - steady + off, tick=True)
            shown.start()
        time.sleep(0.05)


if __name__ == "__main__":
    clock = Path(os.environ["CLOCK_FILE"])
    threading.Thread(target=follow, args=(clock, time.time(), time.monotonic()), daemon=True).start()
    main(sys.argv[1:])
