"""Write the next revision: what monitor/store/schema.py has and the migrations lack. `python migrations/new.py WORDS`

Read what it wrote and mend it by hand: a rename looks like a drop and an add, and data moves are never guessed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.operations.ops import MigrationScript

from monitor.store.engine import Database
from monitor.store.upgrade import shipped


def write(words: str) -> None:
    """Compare a scratch database at the newest revision with the schema and write the difference as a new revision."""
    ours = shipped()
    known = ours.revisions()
    number = f"{int(known[-1]) + 1 if known else 1:04d}"
    with TemporaryDirectory() as directory:
        database = Database(f"sqlite:///{Path(directory) / 'scratch.db'}")
        with database.write() as connection:
            if known:
                ours.apply(connection, "head")
            config = Config()
            config.set_main_option("script_location", str(ours.directory))
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            config.attributes["connection"] = connection
            config.attributes["new_tables_only"] = not known
            command.revision(config, words, autogenerate=True, rev_id=number, process_revision_directives=_no_downgrade)
        database.close()
    written = next((ours.directory / "versions").glob(f"{number}_*.py"))
    lines = written.read_text().splitlines(keepends=True)
    written.write_text("".join(line for line in lines if "# ###" not in line))
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", written], check=True)  # noqa: S603  # our own tool


def _no_downgrade(_context: Any, _revision: Any, directives: Iterable[MigrationScript]) -> None:
    # A backup is the way back: a downgrade would drop what the newer program wrote.
    for directive in directives:
        directive.downgrade_ops_list[0].ops.clear()


if __name__ == "__main__":
    write(" ".join(sys.argv[1:]) or "change")
