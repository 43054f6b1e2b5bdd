"""The benches run by hand, so nobody notices one that does not even start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[1] / "bench"


def test_every_bench_can_be_imported() -> None:
    """What is in them is for mypy (`make lint`); that their imports resolve in this order, only a run tells."""
    names = [path.stem for path in sorted(BENCH.glob("[a-z]*.py"))]
    assert len(names) > 4
    command = [sys.executable, "-c", f"import {', '.join(names)}"]
    done = subprocess.run(command, cwd=BENCH, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
