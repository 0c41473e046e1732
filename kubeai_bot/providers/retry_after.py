"""How long a vendor wants us to wait."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_IN_WORDS = re.compile(
    r"(?:try again|retry)\s+(?:in|after)\s+(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)\s?(ms|s\b|sec|second))?",
    re.IGNORECASE,
)


def retry_after(headers: Mapping[str, str], message: str, now: datetime) -> float | None:
    """Seconds to wait before another try, or None where nothing usable was said.

    Read from `retry-after-ms` (OpenAI, Azure), `Retry-After` (RFC 9110 §10.2.3: seconds or a date, which is held
    against the server's own `Date`), else from the vendor's sentence ("Please try again in 1m2.5s").
    """
    by_milliseconds = _number(headers.get("retry-after-ms", ""))
    if by_milliseconds is not None:
        return by_milliseconds / 1000
    value = headers.get("retry-after", "")
    by_seconds = _number(value)
    if by_seconds is not None:
        return by_seconds
    until = _date(value)
    if until is not None:
        return max(0.0, (until - (_date(headers.get("date", "")) or now)).total_seconds())
    return _in_words(message)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _in_words(message: str) -> float | None:
    found = _IN_WORDS.search(message)
    if found is None or not any(found.group(1, 2, 3)):
        return None
    hours, minutes, rest, unit = found.groups()
    seconds = float(rest or 0) / (1000 if unit == "ms" else 1)
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds
