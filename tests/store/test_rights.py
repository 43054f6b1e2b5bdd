"""A database of another user, or a closed one: each refusal says whose it is and what to do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.store.engine import Database

NOBODY = 65_534


@contextmanager
def as_another_user() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Not below pytest's own, which no other user may enter."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made) / "var"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize(
    ("of_directory", "of_file", "remedy"),
    [
        (0o755, 0o644, "it belongs to the user root, .* chown nobody {file}*"),
        (0o777, 0o600, "it belongs to the user root, .* chown nobody {file}*"),
        (0o700, 0o666, "the directory {directory} belongs to the user root, .* name another in `state_dir`"),
        (0o755, 0o666, "the directory {directory} belongs to the user root, .* name another in `state_dir`"),
    ],
)
def test_a_file_of_another_user_is_told_with_the_remedy(
    directory: Path, of_directory: int, of_file: int, remedy: str
) -> None:
    """No `db upgrade` is advised where a file is there, and nobody is told to take over a whole directory."""
    database = Database(f"sqlite:///{directory}/watch.db")
    database.upgrade()
    database.close()
    (directory / "watch.db").chmod(of_file)
    directory.chmod(of_directory)
    wanted = remedy.format(file=f"{directory}/watch.db", directory=directory).replace("b*", r"b\*")
    for use in (database.revision, database.upgrade):
        with as_another_user(), pytest.raises(StoreError, match=wanted) as refused:
            use()
        assert "(sudo -u root …)" in str(refused.value)
        assert "db upgrade" not in str(refused.value)
    database.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_closed_file_of_ones_own_is_to_be_opened(directory: Path) -> None:
    database = Database(f"sqlite:///{directory}/watch.db")
    database.upgrade()
    database.close()
    for path, mode in ((directory / "watch.db", 0o000), (directory, 0o700)):
        path.chmod(mode)
        os.chown(path, NOBODY, NOBODY)
    with as_another_user(), pytest.raises(StoreError, match=r"nobody's own, but closed\. Open it: chmod u\+rw /"):
        database.revision()
    database.close()
