"""Array parameters in PostgreSQL's binary form: an array of each type has one form, whatever it holds, so that a
statement is prepared once, and psycopg need not find out what is in it."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from psycopg import AsyncConnection
from psycopg.adapt import Dumper
from psycopg.pq import Format

_BYTEA, _BIGINT, _TEXT = 17, 20, 25
_HEAD = struct.Struct("!iiIii")  # dimensions, whether there are nulls, type, length, lower bound
_SIZE = struct.Struct("!i")
_NUMBER = struct.Struct("!q")
_NULL = _SIZE.pack(-1)


class BinaryArray(bytes):
    """A one-dimensional array as the server reads it (array_recv in the server's arrayfuncs.c)."""


class _AsItIs(Dumper):
    """The type is the server's to infer."""

    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> bytes:
        return obj


def bytea_array(items: Iterable[bytes]) -> BinaryArray:
    return _array(_BYTEA, items)


def text_array(items: Iterable[str | None]) -> BinaryArray:
    return _array(_TEXT, (None if item is None else item.encode() for item in items))


def bigint_array(items: Iterable[int]) -> BinaryArray:
    return _array(_BIGINT, map(_NUMBER.pack, items))


def take_arrays(connection: AsyncConnection[Any]) -> None:
    """From here on BinaryArray can be a parameter on this connection."""
    connection.adapters.register_dumper(BinaryArray, _AsItIs)


def _array(oid: int, items: Iterable[bytes | None]) -> BinaryArray:
    elements = [_NULL if item is None else _SIZE.pack(len(item)) + item for item in items]
    return BinaryArray(_HEAD.pack(1, _NULL in elements, oid, len(elements), 1) + b"".join(elements))
