"""How far retention has deleted of the audit trail, so that nobody else can without being found."""

from __future__ import annotations

from kubeai_bot.stores.postgres.migrations.scripts import declare, run_script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("0004_audit_trims")
    declare(tables=4, oldest_code=1)
