"""Whether this machine's clock agrees with those of the servers it talks to."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from kubeai_bot.doctor.finding import Finding, defect, ok, warning

NOTICED = 10.0
"""Seconds of difference that are worth a warning; the `Date` header is good to a second."""

WRONG = 120.0
"""Seconds beyond which tokens and certificates fail. Slack's signed requests are refused from 300 s on."""

_FIX = "Set this machine's clock (in a cluster: the node's) by NTP: timedatectl set-ntp true"


def compare_clocks(check: str, server: str, date: str, now: float | None = None) -> Finding:
    """`date` is the `Date` header of an answer that has just come (RFC 9110, 6.6.1)."""
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return ok(check, f"{server} does not tell its time")
    seconds = (time.time() if now is None else now) - theirs
    if abs(seconds) < NOTICED:
        return ok(check, f"this machine's clock agrees with that of {server}")
    words = f"this machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} that of {server}"
    return warning(check, words, _FIX) if abs(seconds) < WRONG else defect(check, words, _FIX)
