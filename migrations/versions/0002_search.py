"""search over entries"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unsearched",
        sa.Column(
            "entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_unsearched")),
    )
    if op.get_bind().dialect.name == "sqlite":
        # Words come folded and parted by blanks (monitor.text); a point stands inside a number only.
        op.execute(
            "CREATE VIRTUAL TABLE entry_search USING fts5(words, columnsize=0, tokenize=\"ascii tokenchars '.'\")"
        )
    else:
        op.execute("CREATE TABLE entry_search (entry_id bigint PRIMARY KEY, words tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_entry_search_words ON entry_search USING gin (words)")
    # What is stored already is indexed by housekeeping, the latest first: an upgrade keeps nobody waiting.
    op.execute("INSERT INTO unsearched (entry_id) SELECT id FROM entry WHERE pruned_at IS NULL")
