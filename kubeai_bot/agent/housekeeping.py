"""Deletes what has outlived its retention: at the start, and then every minute."""

from __future__ import annotations

import asyncio

import structlog

from kubeai_bot.domain.storage import Retention
from kubeai_bot.errors import StoreError
from kubeai_bot.interfaces import SessionStore

log = structlog.get_logger(__name__)

EVERY = 60.0


async def keep_house(store: SessionStore, retention: Retention, every: float = EVERY) -> None:
    """Until cancelled. Any number of replicas may do it at once: the store lets one of them work."""
    while True:
        try:
            await _prune(store, retention)
        except StoreError as error:
            log.warning("housekeeping failed, it will be tried again", error=str(error))
        await asyncio.sleep(every)


async def _prune(store: SessionStore, retention: Retention) -> None:
    more = True
    while more:
        pruned = await store.prune(retention)
        done = bool(pruned.expired or pruned.removed or pruned.trimmed)
        more = pruned.more and done  # more, and nothing done: another replica is at it
        if done:
            log.info(
                "old sessions deleted",
                expired=len(pruned.expired),
                removed=len(pruned.removed),
                trimmed_messages=pruned.trimmed,
            )
