"""A rolling upgrade: the next program brings a migration, and its workers work beside those of the old one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cluster.crowd import SOAK, Crowd, baseline, crowd

ROOT = Path(__file__).parents[2]
NEXT = """import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "{head}"
works_with = "{head}"


def upgrade() -> None:
    op.add_column("story", sa.Column("mood", sa.Text(), server_default="calm", nullable=False))
"""


def next_program(root: Path, head: str) -> Path:
    """This program and one more migration, which only adds."""
    for name in ("monitor", "migrations", "config"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "migrations" / "versions" / "9001_next.py").write_text(NEXT.format(head=head), encoding="utf-8")
    return root


async def _tells(one: Crowd) -> None:
    """All that were started are at it, news comes, and is told."""
    await one.all_at_work()
    one.siege.newsroom.begin(one.siege.dice)
    await one.settle(60)


@pytest.mark.slow
@pytest.mark.skipif(not SOAK, reason="a minute: in `make soak`")
async def test_workers_of_two_versions_tell_everything_once(tmp_path: Path, cluster_url: str) -> None:
    """A25, A42: old and old, old and new, new and new; each story is told once, and nobody is refused the database."""
    async with crowd(tmp_path / "home", cluster_url, 7) as one:
        program = next_program(tmp_path / "next", str(one.database.revision()))
        await one.start("old0")
        await one.start("old1")
        await baseline(one)
        await _tells(one)
        one.siege.installed.environ = {**one.siege.installed.environ, "PYTHONPATH": str(program)}
        for old, new in (("old0", "new0"), ("old1", "new1")):
            await one.stop(old)
            await one.start(new)
            await _tells(one)
            assert one.database.revision() == "9001"
        assert all(verdict.good and verdict.expected == 3 for verdict in one.verdicts()), one.verdicts()
        assert "Traceback" not in one.words()
