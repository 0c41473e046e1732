"""The audit trail. It belongs to no session: forgetting one leaves it."""

from __future__ import annotations

from kubeai_bot.stores.postgres.migrations.scripts import declare, run_script

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("0003_audit")
    declare(tables=3, oldest_code=1)
