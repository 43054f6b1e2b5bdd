"""`python -m monitor.settings [DIR]` writes the JSON Schemas, by default where the shipped configuration has them."""

import sys
from pathlib import Path

from monitor.settings.loading import packaged_config
from monitor.settings.schemas import write

for path in write(Path(sys.argv[1]) if len(sys.argv) > 1 else packaged_config() / "schema"):
    sys.stdout.write(f"{path}\n")
