"""The first tables, and the two functions of the hot path.

Functions carry a number: a release that changes one adds its successor and leaves the old one to the replicas of the
previous release, and the release after that drops it.
"""

from __future__ import annotations

from kubeai_bot.stores.postgres.migrations.scripts import declare, run_script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("0001_tables", "0001_receive", "0001_append"):
        run_script(name)
    declare(tables=1, oldest_code=1)
