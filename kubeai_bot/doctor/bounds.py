"""Checks run side by side, and none takes longer than its bound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from kubeai_bot.doctor.finding import Finding, outage

BOUND = 10.0
"""Seconds for one check."""


async def bounded(
    check: str, looking: Awaitable[Finding | Sequence[Finding]], what: str, seconds: float = BOUND
) -> tuple[Finding, ...]:
    """What the check found. `what` completes "no answer within 10 s from"."""
    try:
        async with asyncio.timeout(seconds):
            found = await looking
    except TimeoutError:
        says = f"no answer within {seconds:g} s from {what}"
        return (outage(check, says, f"See whether {what} is up, and whether a firewall or NetworkPolicy is between."),)
    return (found,) if isinstance(found, Finding) else tuple(found)


async def side_by_side(*lookings: Awaitable[Sequence[Finding]]) -> tuple[Finding, ...]:
    """What all of them found, in their order."""
    return tuple(each for found in await asyncio.gather(*lookings) for each in found)
