"""Times and quantities of the Kubernetes API, read and written."""

from __future__ import annotations

import re
from datetime import datetime

_SUFFIXES = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]{0,2})")
_DURATION = re.compile(r"([0-9]+)([ywdhms])")
_SECONDS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


def moment(text: object) -> datetime | None:
    """A time of the API (RFC 3339, to seconds or microseconds); None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def age(since: object, now: datetime) -> str:
    """How long ago, as kubectl writes it: `45s`, `12m`, `3h12m`, `5d`; `?` where the time is not known."""
    started = moment(since)
    return "?" if started is None else duration((now - started).total_seconds())


def duration(seconds: float) -> str:
    """https://pkg.go.dev/k8s.io/apimachinery/pkg/util/duration#HumanDuration, in coarser steps."""
    total = max(int(seconds), 0)
    minutes, hours, days = total // 60, total // 3600, total // 86_400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    return f"{days}d{hours % 24}h" if days < 8 and hours % 24 else f"{days}d"


def read_duration(text: str) -> float | None:
    """Seconds of `3h12m` and the like; None for anything else."""
    if not text or _DURATION.sub("", text):
        return None
    return sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))


def quantity(value: object) -> float | None:
    """The number of a resource quantity (`250m`, `1Gi`, `12345n`); None for anything else."""
    found = _QUANTITY.fullmatch(str(value)) if value is not None else None
    if found is None or found[2] not in _SUFFIXES:
        return None
    try:
        return float(found[1]) * _SUFFIXES[found[2]]
    except ValueError:
        return None


def cpu(cores: float | None) -> str:
    """In millicores, as `kubectl top`: `250m`."""
    return "-" if cores is None else f"{round(cores * 1000)}m"


def memory(size: float | None) -> str:
    """In mebibytes, as `kubectl top`: `120Mi`."""
    return "-" if size is None else f"{round(size / 2**20)}Mi"


def share(part: float | None, whole: float | None) -> str:
    """`83%`; `-` where there is nothing to compare with."""
    return f"{round(100 * part / whole)}%" if part is not None and whole else "-"
