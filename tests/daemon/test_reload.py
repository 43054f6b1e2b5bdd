"""A reload, from the files to what is handed over."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from monitor import settings
from monitor.daemon.reload import Reloaded, Reloader
from tests.configured import MONITOR, write


async def test_what_needs_a_restart_is_said_and_left_and_the_rest_applies(tmp_path: Path) -> None:
    config = write(tmp_path)
    before, handed = settings.load(config, {}), []

    async def apply(reloaded: Reloaded) -> None:
        handed.append(reloaded.configuration.settings)

    reloader = Reloader(before, {}, apply)
    edits = "database: sqlite:///other.db\nstate_dir: elsewhere\nweb: {listen: null}\nretention: {entries: 90d}\n"
    (config / "monitor.yaml").write_text(MONITOR + edits)
    with capture_logs() as logs:
        await reloader.reload()
    [after] = handed
    kept = before.settings
    assert (after.database, after.state_dir, after.web) == (kept.database, kept.state_dir, kept.web)
    assert after.retention.entries.days == 90
    [said] = [one["keys"] for one in logs if one["event"] == "configuration needs a restart"]
    assert all(key in said for key in ("database", "state_dir", "web.listen"))
