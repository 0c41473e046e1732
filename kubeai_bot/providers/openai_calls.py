"""Putting tool calls together from the pieces that OpenAI-compatible servers stream.

OpenAI sends id and name once and interleaves the argument fragments of parallel calls by `index`. Other servers send
whole calls in one piece, all under index 0, without index or without id, with the name in every piece, or with the
arguments as an object; all of that is understood here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeai_bot.domain.message import ToolCall
from kubeai_bot.providers.loose import items, mapping, text, well_formed
from kubeai_bot.providers.telling import new_call_id

_KNOWN_FIELDS = frozenset({"index", "id", "type", "function"})


@dataclass(slots=True)
class _Pieces:
    index: int | None
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])
    extra: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def raw(self) -> str:
        return "".join(self.arguments)


class CallAssembly:
    """The tool calls of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self._calls: list[_Pieces] = []

    def add(self, deltas: object) -> None:
        """Take in the `tool_calls` of one delta."""
        for delta in map(mapping, items(deltas)):
            self._add(delta)

    def _add(self, delta: Mapping[str, Any]) -> None:
        function = mapping(delta.get("function"))
        index = delta.get("index")
        call_id, name = text(delta.get("id")), text(function.get("name"))
        call = self._call_for(index if isinstance(index, int) else None, call_id, name)
        call.id = call.id or call_id
        call.name = _joined(call.name, name)
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            call.arguments.append(arguments)
        elif arguments is not None:
            call.arguments = [json.dumps(arguments, ensure_ascii=False)]
        call.extra |= {key: value for key, value in delta.items() if key not in _KNOWN_FIELDS and value is not None}

    def _call_for(self, index: int | None, call_id: str, name: str) -> _Pieces:
        """The call a piece belongs to: by id, else by index, else the newest; a new one where it cannot be that."""
        same_id = [call for call in self._calls if call_id and call.id == call_id and call.index == index]
        candidates = same_id or [call for call in self._calls if index is None or call.index == index]
        if candidates and not (name and _is_another(candidates[-1], call_id, name)):
            return candidates[-1]
        self._calls.append(_Pieces(index))
        return self._calls[-1]

    def finish(self, taken_ids: Iterable[str]) -> tuple[tuple[ToolCall, ...], dict[str, dict[str, Any]]]:
        """The calls, each with an id that is neither empty nor one of `taken_ids`, and by id the unknown fields that
        the server wants back. Pieces that never named a function are dropped."""
        taken = set(taken_ids)
        calls: list[ToolCall] = []
        extras: dict[str, dict[str, Any]] = {}
        for pieces in self._calls:
            if not pieces.name.strip():
                continue
            call_id = pieces.id if pieces.id and pieces.id not in taken else new_call_id(taken)
            taken.add(call_id)
            raw = well_formed(pieces.raw)
            calls.append(ToolCall(call_id, well_formed(pieces.name.strip()), parsed_arguments(raw), raw))
            if pieces.extra:
                extras[call_id] = pieces.extra
        return tuple(calls), extras


def parsed_arguments(raw: str) -> dict[str, Any] | None:
    """The object that the model sent; {} for nothing at all, None for anything that is not a JSON object."""
    if not raw.strip():
        return {}
    try:
        value: object = json.loads(raw)
        if isinstance(value, str):  # some servers encode the object twice
            value = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return dict(mapping(value)) if isinstance(value, dict) else None


def _is_another(call: _Pieces, call_id: str, name: str) -> bool:
    """Whether a piece with this id and name begins another call than `call`, which stands in the same place."""
    if call_id and call.id and call_id != call.id:
        return True
    if name != call.name and not name.startswith(call.name):
        return bool(call.arguments)
    return bool(call.raw.strip()) and parsed_arguments(call.raw) is not None


def _joined(known: str, piece: str) -> str:
    """A name from its pieces; servers that repeat it, whole or grown, do not double it."""
    return piece if piece.startswith(known) else known if piece == "" else known + piece
