"""docs/security.md names tests that exist; what we ship may be shipped; the audit and the bill of materials work."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/security.md").read_text(encoding="utf-8"))

# Go with Apache-2.0 as libraries; the last four oblige nobody who does not change the library itself.
GOOD = (
    r"mit( license)?|bsd([ -][23]-clause)?( license)?|the bsd 2-clause license|apache([ -]2\.0)?( software license)?"
    r"|isc( license)?( \(iscl\))?|psf-2\.0|python software foundation license|cnri-python|unlicense|zlib"
    r"|mpl-[12]\.[01]|mozilla public license 2\.0 \(mpl 2\.0\)|lgpl-3\.0-only|lgpl-2\.1-or-later"
)
READ_BY_HAND = {"httpx-aiohttp": "BSD-3-Clause"}  # its metadata hold the text, not the name


def pinned() -> list[str]:
    """What `make run` installs."""
    return re.findall(r"^([a-z0-9][\w.-]*)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE | re.IGNORECASE)


def licence(name: str) -> str:
    """What a distribution says of itself, most exact first."""
    known = metadata.metadata(name)
    classes = [
        one.rpartition("::")[2].strip() for one in known.get_all("Classifier") or [] if one.startswith("License")
    ]
    stated = known.get("License-Expression") or (known.get("License") or "").strip()
    if stated and "\n" not in stated and len(stated) < 60:
        return stated
    return READ_BY_HAND.get(name) or " AND ".join(classes)


def goes(said: str) -> bool:
    """Every part that binds must be good; of a choice, one."""
    parts = [one.strip(" ()") for one in re.split(r"\bAND\b", said)]
    return bool(said) and all(
        any(re.fullmatch(GOOD, choice.strip(" ()").lower()) for choice in re.split(r"\bOR\b", part)) for part in parts
    )


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_proof_that_is_named_exists(file: str, test: str) -> None:
    """A renamed or deleted test leaves no claim behind."""
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not test or re.search(rf"def {test}\b", text)


def test_every_threat_names_a_proof() -> None:
    rows = [
        line for line in (ROOT / "docs/security.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")
    ]
    threats = [row for row in rows if not row.startswith("| threat")]
    assert len(threats) > 20
    assert all("`tests/" in row for row in threats)


def test_every_dependency_may_go_with_apache_2() -> None:
    assert [f"{name}: {licence(name)!r}" for name in pinned() if not goes(licence(name))] == []


@pytest.mark.parametrize("said", ["GPL-3.0-only", "MIT AND GPL-2.0-only", "SSPL", "", "Proprietary"])
def test_a_licence_that_does_not_go_is_noticed(said: str) -> None:
    assert not goes(said)


def test_the_bill_of_materials_holds_every_locked_dependency(tmp_path: Path) -> None:
    """CycloneDX, valid by its own tool, reproducible: two runs are equal."""
    made = [tmp_path / name for name in ("one.json", "two.json")]
    for file in made:
        done = subprocess.run(
            ["make", "-o", ".venv/.dev", "sbom", f"SBOM={file}", f"VENV={Path(sys.executable).parents[1]}"],
            cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    bill = json.loads(made[0].read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert {one["name"] for one in bill["components"]} == set(pinned())
    assert made[0].read_bytes() == made[1].read_bytes()


def test_an_audit_that_cannot_ask_says_so_and_is_no_success(tmp_path: Path) -> None:
    """Silence without a network must not read as safety."""
    lock = tmp_path / "one.lock"
    lock.write_text("idna==3.10 --hash=sha256:" + "0" * 64 + "\n")
    done = subprocess.run(
        [sys.executable, ROOT / "packaging/audit.py", lock],
        capture_output=True, text=True, timeout=120, check=False,
        env={"HTTPS_PROXY": "http://127.0.0.1:9", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 3
    assert "NOT CHECKED" in done.stdout
