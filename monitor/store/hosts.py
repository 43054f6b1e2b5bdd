"""Whose turn it is at a host, for processes that share a PostgreSQL database: one request at a time, a gap apart.

The database's clock rules, whatever the clocks of the machines say. A turn that its owner never gave back, because it
died, ends by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, text

_ASK_AGAIN_S = 0.1  # somebody's request is in flight; it may end at any time


@dataclass(frozen=True, slots=True)
class Manners:
    """`who` takes turns; starts lie `gap` apart; after `lease` a request has certainly ended."""

    who: str
    gap: timedelta
    lease: timedelta


# Turns need not survive a crash of the server, which ends every session that could have one.
_LIGHTLY = text("SET LOCAL synchronous_commit = off")
# Rows that another process is just taking are skipped, not waited for: so nobody waits in a circle.
_TAKE = text(
    """
WITH free AS (
    SELECT name FROM host
    WHERE name = ANY(:names) AND (held_until IS NULL OR held_until <= clock_timestamp())
      AND (not_before IS NULL OR not_before <= clock_timestamp())
      AND (last_start_at IS NULL OR last_start_at + :gap <= clock_timestamp())
    ORDER BY name FOR UPDATE SKIP LOCKED
)
UPDATE host SET held_by = :who, held_until = clock_timestamp() + :lease, last_start_at = clock_timestamp()
FROM free WHERE host.name = free.name RETURNING host.name
"""
)
_MEET = text(
    """
INSERT INTO host (name, held_by, held_until, last_start_at)
SELECT one, :who, clock_timestamp() + :lease, clock_timestamp() FROM unnest(CAST(:names AS text[])) AS one ORDER BY one
ON CONFLICT (name) DO NOTHING RETURNING name
"""
)
_WAITS = text(
    """
SELECT name, held_until > clock_timestamp() AS held,
    CAST(extract(epoch FROM greatest(not_before, last_start_at + :gap) - clock_timestamp()) AS float) AS seconds
FROM host WHERE name = ANY(:names)
"""
)
_GIVE_BACK = text(
    """
UPDATE host SET held_until = NULL, held_by = NULL FROM (
    SELECT name FROM host WHERE name = ANY(:names) AND held_by = :who ORDER BY name FOR UPDATE
) AS ours WHERE host.name = ours.name
"""
)
_BLOCK = text(
    """
INSERT INTO host (name, not_before) VALUES (:name, clock_timestamp() + :wait)
ON CONFLICT (name) DO UPDATE SET not_before = greatest(host.not_before, excluded.not_before)
"""
)


def take(conn: Connection, names: Collection[str], manners: Manners) -> dict[str, float]:
    """Take turns at these hosts: for each, 0 when it is ours now, else in how many seconds to ask again."""
    if not names:
        return {}
    values = {"names": sorted(names), "who": manners.who, "gap": manners.gap, "lease": manners.lease}
    conn.execute(_LIGHTLY)
    ours = set(conn.scalars(_TAKE, values))
    if left := sorted(set(names) - ours):
        rows = conn.execute(_WAITS, {"names": left, "gap": manners.gap}).all()
        if new := sorted(set(left) - {row.name for row in rows}):
            ours |= set(conn.scalars(_MEET, values | {"names": new}))
    else:
        rows = []
    waits = {row.name: _ASK_AGAIN_S if row.held else max(row.seconds or 0.0, 0.01) for row in rows}
    return {name: 0.0 if name in ours else waits.get(name, _ASK_AGAIN_S) for name in names}


def give_back(conn: Connection, names: Collection[str], who: str) -> None:
    """The requests to these hosts ended; turns that others took meanwhile are theirs."""
    if names:
        conn.execute(_LIGHTLY)
        conn.execute(_GIVE_BACK, {"names": sorted(names), "who": who})


def block(conn: Connection, waits: dict[str, timedelta]) -> None:
    """Leave these hosts alone for so long; an earlier wish for longer stays."""
    for name in sorted(waits):
        conn.execute(_BLOCK, {"name": name, "wait": waits[name]})
