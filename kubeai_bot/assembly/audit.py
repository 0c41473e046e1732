"""The audit trail that the settings ask for."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import structlog

from kubeai_bot.assembly.store import AuditRows
from kubeai_bot.audit.chain import Chain, sealed
from kubeai_bot.audit.lines import FileLines, StreamLines
from kubeai_bot.audit.trail import Sink, Trail
from kubeai_bot.errors import StoreError
from kubeai_bot.interfaces import Audit
from kubeai_bot.settings.environment import Settings

log = structlog.get_logger(__name__)

EVERY = 6 * 3600.0
"""Seconds between two looks for entries that have outlived AUDIT_RETENTION_DAYS."""


def audit_key(settings: Settings) -> bytes:
    """AUDIT_KEY; where it is not set, one derived from the bot token, so that all replicas have the same."""
    if settings.audit_key is not None:
        return settings.audit_key.get_secret_value().encode()
    token = settings.slack_bot_token.get_secret_value().encode()
    return hmac.digest(token, b"kubeai-bot audit", "sha256")


async def keep_audit(rows: AuditRows, days: int, key: bytes) -> None:
    """Delete what has outlived its retention, every few hours, until cancelled."""
    while True:
        try:
            gone = await rows.prune(days, partial(sealed, key))
        except StoreError as error:
            log.warning("audit trail not pruned", error=str(error))
        else:
            if gone:
                log.info("audit trail pruned", records=gone, days=days)
        await asyncio.sleep(EVERY)


@asynccontextmanager
async def open_audit(settings: Settings, rows: Sink | None) -> AsyncGenerator[Audit]:
    """One chain for this process: JSON lines in AUDIT_FILE or on standard output, and `rows` in the database where
    sessions are there. Raises ConfigError."""
    lines: Sink
    if settings.audit_file is not None:
        file = FileLines(settings.audit_file)
        file.check()
        lines = file
    else:
        lines = StreamLines()
    process = f"{socket.gethostname()[:40]}-{secrets.token_hex(4)}"
    trail = Trail(Chain(audit_key(settings), process), [lines, *((rows,) if rows else ())])
    try:
        yield trail
    finally:
        await trail.flush()
