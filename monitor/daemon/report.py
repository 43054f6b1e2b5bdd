"""Telling operations: in general, and of a rejected configuration once, and once when one is accepted again."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.alerts import dispatch
from monitor.daemon.service import Service
from monitor.store import deliveries, facts
from monitor.store.engine import Connection


def report_configuration(conn: Connection, problem: str, service: Service) -> None:
    """Write down how the configuration stands (`problem`: none when empty); tell operations when that changed."""
    now = service.now()
    known = facts.get(conn, "configuration_problem") or ""
    if problem == known:
        return
    facts.set(conn, "configuration_problem", problem, now)
    accepted = {"title": "Configuration accepted", "text": "The edited configuration is in force."}
    tell_operations(conn, rejected(problem) if problem else accepted, service)


def rejected(problem: str) -> dict[str, str]:
    """The notice. What stands first is what must not be lost: a long text is cut at its end."""
    return {
        "title": "Configuration rejected",
        "text": f"The last good configuration stays in force.\n{problem}",
        "remedy": "Mend the file and save it, nothing more; `licensewatch check` says whether it is well.",
    }


def tell_operations(conn: Connection, told: Mapping[str, str], service: Service) -> None:
    """Put a notice into the outbox for each receiver of `ops`."""
    names = service.world.policy.ops.receivers
    deliveries.enqueue(conn, dispatch.notice(told, names, service.now(), service.world.new_id))
