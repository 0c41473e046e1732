"""Large results, kept beside the messages of their session."""

from __future__ import annotations

from kubeai_bot.stores.postgres.migrations.scripts import declare, run_script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("0002_results")
    declare(tables=2, oldest_code=1)
