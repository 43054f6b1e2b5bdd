"""acting from Slack"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "press",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_press")),
    )
    op.create_index("ix_delivery_channel_ts", "delivery", ["channel", "ts"])
    # Nothing wrote here before; should somebody have, a person's last word on a story stays.
    op.execute(
        "DELETE FROM feedback WHERE id NOT IN "
        '(SELECT max(id) FROM feedback GROUP BY story_id, "by", rule_id, rule_version)'
    )
    op.create_index(
        "ix_feedback_story_id_by_rule_id_rule_version",
        "feedback",
        ["story_id", "by", "rule_id", "rule_version"],
        unique=True,
    )
