"""Turns of those who tell: one transaction at a time decides what people are told, whichever process it is in.

Whoever places an entry in a story, adds to the outbox or takes a message out of it to send it, looks first at what the
others decided; two that do so at once would not see each other, and tell a story twice or lose an edit.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_TAKE = text("SELECT pg_advisory_xact_lock(7402114, hashtext(coalesce(current_schema(), '')))")


def tell_alone(conn: Connection) -> None:
    """Wait for the turn; it ends with the transaction. Take it before any row of stories, outbox or receivers.

    PostgreSQL reads anew after it (READ COMMITTED). SQLite has one writer anyway.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(_TAKE)
