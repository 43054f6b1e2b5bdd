"""kin"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
works_with = "0003"  # the oldest program that may go on beside it


def upgrade() -> None:
    op.create_table(
        "kin",
        sa.Column("storyline_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("other_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["other_id"], ["storyline.id"], name=op.f("fk_kin_other_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["storyline_id"], ["storyline.id"], name=op.f("fk_kin_storyline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("storyline_id", "other_id", name=op.f("pk_kin")),
    )
    with op.batch_alter_table("kin", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kin_other_id"), ["other_id"], unique=False)
