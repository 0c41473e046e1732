"""What `sessions.py` has to show: each measured number beside its bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contenders import AT_ONCE, OURS, RAW

LENGTHS = (10, 100, 1000, 5000)

Found = dict[str, Any]
Target = tuple[str, float, str, float]
"""Name, measured, at least or at most, bound."""

_TIMES_FASTER: Mapping[str, Mapping[int | str, float]] = {
    "Google ADK": {5000: 100, 10: 8, "per second": 20, "far": 20},
    "OpenAI Agents SDK": {5000: 20, 10: 2.5, "per second": 4, "far": 4},
    "LangGraph saver": {5000: 80},
}


_LINES = (
    ("per second", "turns a second, 64 sessions at once"),
    ("far", "ms a turn, 2.5 ms away"),
    ("round trips", "round trips of a turn"),
)


def targets(found: Found) -> Iterator[Target]:
    """Those of the sections that were measured."""
    if "turn" in found:
        turn, wal = found["turn"][OURS], found["wal"]
        yield "warm turn at 5,000 messages / at 10", turn[5000] / turn[10], "<=", 1.7
        yield "warm turn at 10 / raw commit of its rows", turn[10] / found["turn"][RAW][10], "<=", 4.0
        yield "WAL of a turn at 5,000 messages, kB", wal[5000] / 1000, "<=", 8.0
        yield "WAL at 5,000 / at 10", wal[5000] / wal[10], "<=", 1.1
        yield "WAL at 10 / at 5,000", wal[10] / wal[5000], "<=", 1.1
    if "round trips" in found:
        yield "round trips of a batched turn", found["round trips"][OURS], "<=", 2.0
    if "load among" in found:
        yield "load among 300,000 / among 10,000", found["load among"][300_000] / found["load among"][10_000], "<=", 1.5
    if "race" in found:
        yield "race: messages lost", found["race"]["lost"], "<=", 0
        yield "race: errors shown", found["race"]["errors"], "<=", 0
        yield "race: calls torn from their results", found["race"]["torn"], "<=", 0
    for name, bounds in _TIMES_FASTER.items():
        yield from _beside(found, name, bounds)


def _beside(found: Found, name: str, bounds: Mapping[int | str, float]) -> Iterator[Target]:
    for what, bound in bounds.items():
        if isinstance(what, int):
            each, words = {who: took.get(what) for who, took in found.get("turn", {}).items()}, f"{what:,} messages"
        else:
            each, words = found.get(what, {}), f"{AT_ONCE} at once" if what == "per second" else "database 2.5 ms away"
        if name not in each:
            continue
        if what == "per second":
            yield f"ours / {name}, turns per second, {words}", each[OURS] / each[name], ">=", bound
        else:
            yield f"{name} / ours, {words}", each[name] / each[OURS], ">=", bound


def tell(found: Found) -> bool:
    """Print the tables; whether every target was reached."""
    turns = {**found.get("turn", {})}
    if "runner turn" in found:
        turns["a whole turn of the runner"] = found["runner turn"]
    if turns:
        print(f"{'ms a turn, by messages of history':<44}" + "".join(f"{length:>10}" for length in LENGTHS))
    for name, each in turns.items():
        print(f"{name:<44}" + "".join(f"{each[n]:>10.2f}" if n in each else f"{'':>10}" for n in LENGTHS))
    for what, unit in _LINES:
        if what in found:
            print(f"\n{unit:<44}" + "  ".join(f"{name}: {value:.1f}" for name, value in found[what].items()))
    print(f"\n{'target':<60}{'measured':>10}{'':>4}{'bound':>8}")
    reached = True
    for name, measured, relation, bound in targets(found):
        good = measured <= bound if relation == "<=" else measured >= bound
        reached = reached and good
        print(f"{name:<60}{measured:>10.2f}{relation:>4}{bound:>8g}  {'reached' if good else 'MISSED'}")
    return reached
