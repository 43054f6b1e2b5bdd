"""titles by feed"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
works_with = "0003"  # the oldest program that may go on beside it


def upgrade() -> None:
    op.create_index("ix_entry_feed_id_title_hash", "entry", ["feed_id", "title_hash"], unique=False)
    op.drop_index(op.f("ix_entry_feed_id"), table_name="entry")
    op.drop_index(op.f("ix_entry_title_hash"), table_name="entry")
