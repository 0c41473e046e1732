"""Alembic's way in: it migrates over the connection that the caller has opened, inside the caller's transaction."""

from __future__ import annotations

from alembic import context

from kubeai_bot.stores.postgres.tables import METADATA

connection = context.config.attributes["connection"]
schema = context.config.attributes["schema"]
context.configure(connection=connection, target_metadata=METADATA, version_table_schema=schema)
with context.begin_transaction():
    context.run_migrations()
