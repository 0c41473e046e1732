"""YAML, pretty-printed JSON and `kubectl describe` text, line by line: which lines hold a secret by their place.

It knows a Secret's data (whose kind stands below it), an environment variable's value (whose name stands on the line
before or after) and block scalars. It holds lines back only until it can decide, and never more than 64 KiB."""

from __future__ import annotations

import base64
import binascii
import re
from enum import Enum

from kubeai_bot.domain.redaction.names import Promise, is_secret_value, promise


class Part(Enum):
    """What of a line is secret."""

    NOTHING_KNOWN = 0
    VALUE = 1
    """What stands after the key."""
    ALL = 2
    """Everything but the indentation."""


Decided = tuple[str, Part]

ENTRY = re.compile(
    r"(?P<before>[+> -]?[ \t]*(?:- +){0,8}[\"']?)(?P<key>[\w./-]{1,300})(?:[\"'][ \t]*:|:(?=\s|$))[ \t]*(?P<value>.*)",
    re.ASCII,
)
_HELD_CHARACTERS = 64 * 1024
_ITEM = re.compile(r"[+> -]?[ \t]*(?:- +)?[\"']?(?P<item>[^\"']*?)[\"']?,?\s*", re.ASCII)
_FLAG = re.compile(r"--?[\w.-]+", re.ASCII)
_CLIENTS = ("mysql", "mariadb", "redis-cli", "mongo", "sshpass", "ldap", "sqlcmd", "docker", "podman", "skopeo", "helm")
_SHORT_FLAGS = frozenset({"-p", "-a", "-w", "-P"})
SCALAR = re.compile(r"[|>][+-]?[0-9]?[+-]?\s*(?:#.*)?")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)


def column(line: str) -> int:
    """Where a line's text starts, diff marks and list dashes counted as indentation."""
    entry = ENTRY.match(line)
    if entry is not None:
        return len(entry["before"].rstrip("\"'"))
    return len(line) - len(line.lstrip(" \t"))


def scalar(value: str) -> str:
    """A YAML or JSON scalar without quotes and the comma behind it."""
    return value.strip().removesuffix(",").strip("\"'")


class Structure:
    """Where in a document the text stands. Give it each line; it gives back lines with what is known of them."""

    def __init__(self) -> None:
        self._kinds: dict[int, str] = {}
        self._held: list[str] = []
        self._held_size = 0
        self._data_column = 0
        self._inside: int | None = None
        self._inside_scalar = False
        self._first_column: int | None = None
        self._name: str | None = None
        self._value_first: str | None = None
        self._expects_scalar: int | None = None
        self._flag: str | None = None
        self._client = False

    @property
    def idle(self) -> bool:
        """Whether the next line means by itself what it says."""
        waiting = (
            self._name is None
            and self._flag is None
            and not self._client
            and self._value_first is None
            and self._expects_scalar is None
        )
        return waiting and not self._held and self._inside is None

    def take(self, line: str) -> list[Decided]:
        """The lines that are decided now, in order."""
        if self._held:
            return self._hold(line)
        if not self._kinds and self.idle and (line == "\n" or (line[0].isalnum() and ENTRY.match(line) is None)):
            return [(line, Part.NOTHING_KNOWN)]
        return self._decide(line)

    def finish(self) -> list[Decided]:
        """What was still held back."""
        decided = self._release(None) if self._held else []
        if self._value_first is not None:
            decided.append((self._value_first, Part.NOTHING_KNOWN))
            self._value_first = None
        return decided

    def _hold(self, line: str) -> list[Decided]:
        entry = ENTRY.match(line)
        at = column(line)
        if entry and at == self._data_column and entry["key"] == "kind":
            return self._release(scalar(entry["value"])) + self._decide(line)
        over = self._held_size > _HELD_CHARACTERS
        if over or (line.strip() and at < self._data_column) or line.startswith("---"):
            return self._release("Secret" if over else None) + self._decide(line)
        self._held.append(line)
        self._held_size += len(line)
        return []

    def _release(self, kind: str | None) -> list[Decided]:
        held, self._held, self._held_size = self._held, [], 0
        self._kinds[self._data_column] = kind or ("Secret" if _all_base64(held[1:], self._data_column) else "unknown")
        return [decided for line in held for decided in self._decide(line)]

    def _decide(self, line: str) -> list[Decided]:
        if not line.strip():
            return [(line, Part.NOTHING_KNOWN)]
        entry = ENTRY.match(line)
        at = len(entry["before"].rstrip("\"'")) if entry else len(line) - len(line.lstrip(" \t"))
        if self._inside is not None:
            if at > self._inside:
                return [(line, self._part_inside(line, at))]
            self._inside = None
        if line.startswith("---"):
            self._kinds.clear()
        elif self._kinds:
            self._kinds = {c: kind for c, kind in self._kinds.items() if c <= at}
        if entry is None:
            return self._text(line, at)
        self._expects_scalar = self._flag = None
        self._client = False
        return self._entry(line, at, entry["key"], entry["value"].strip(), "- " in entry["before"])

    def _part_inside(self, line: str, at: int) -> Part:
        if self._first_column is None:
            self._first_column = at
        keyed = not self._inside_scalar and at == self._first_column and ENTRY.match(line) is not None
        return Part.VALUE if keyed else Part.ALL

    def _text(self, line: str, at: int) -> list[Decided]:
        """A line without a key."""
        expected, self._expects_scalar, self._name = self._expects_scalar, None, None
        plain = line.strip()
        is_scalar = expected is not None and at > expected and plain[0] not in "{[-" and ":" not in plain
        hidden = is_scalar and " " not in plain
        if plain[0] in "-\"'+>":
            hidden = self._list_item(line) or hidden
        else:
            self._flag, self._client = None, False
        return [*self._put_first(), (line, Part.ALL if hidden else Part.NOTHING_KNOWN)]

    def _list_item(self, line: str) -> bool:
        """Whether an item of a list of arguments, one a line, is the value of the flag in the item before."""
        found = _ITEM.fullmatch(line) if len(line) < 4096 else None
        flag, self._flag = self._flag, None
        if found is None:
            return False
        item = found["item"]
        if flag is not None and not item.startswith("-"):
            return is_secret_value(flag, item)
        if _FLAG.fullmatch(item) and (promise(item) in {Promise.SECRET, Promise.PASSWORD}):
            self._flag = item
        elif self._client and item in _SHORT_FLAGS:
            self._flag = "password"
        elif self._client and item.startswith("-p") and not item.startswith("--"):
            return True
        elif " " not in item and item.rsplit("/", 1)[-1].startswith(_CLIENTS):
            self._client = True
        return False

    def _put_first(self) -> list[Decided]:
        first, self._value_first = self._value_first, None
        return [] if first is None else [(first, Part.NOTHING_KNOWN)]

    def _entry(self, line: str, at: int, key: str, value: str, dash: bool) -> list[Decided]:
        if dash or key == "apiVersion":
            self._kinds.pop(at, None)
        before: list[Decided] = self._put_first() if key != "name" else []
        name, self._name = self._name, None
        if key == "kind":
            self._kinds[at] = scalar(value)
        elif key == "name":
            return self._named(line, scalar(value))
        elif key in {"path", "key"}:
            self._name = scalar(value).rsplit("/", 1)[-1]
            self._name = None if promise(self._name) is Promise.NOTHING else self._name
        elif key == "value":
            return before + self._valued(line, at, name, value, dash)
        elif key in {"data", "stringData", "binaryData"}:
            return before + self._data(line, at, key, value)
        return [*before, (line, self._keyed(at, key, value))]

    def _named(self, line: str, name: str) -> list[Decided]:
        secret = promise(name) is not Promise.NOTHING
        first, self._value_first = self._value_first, None
        if first is not None:
            entry = ENTRY.match(first)
            hidden = secret and entry is not None and is_secret_value(name, scalar(entry["value"]))
            return [(first, Part.VALUE if hidden else Part.NOTHING_KNOWN), (line, Part.NOTHING_KNOWN)]
        self._name = name if secret else None
        return [(line, Part.NOTHING_KNOWN)]

    def _valued(self, line: str, at: int, name: str | None, value: str, dash: bool) -> list[Decided]:
        if name is None:
            if dash and value:
                self._value_first = line
                return []
            return [(line, Part.NOTHING_KNOWN)]
        self._name = name  # a diff shows the old value and the new one below it
        if SCALAR.fullmatch(value):
            self._enter(at, is_scalar=True)
            return [(line, Part.NOTHING_KNOWN)]
        return [(line, Part.VALUE if is_secret_value(name, scalar(value)) else Part.NOTHING_KNOWN)]

    def _data(self, line: str, at: int, key: str, value: str) -> list[Decided]:
        kind = "Secret" if key == "stringData" else self._kinds.get(at)
        if kind is None and "SecretList" in self._kinds.values():
            kind = "Secret"
        opens = value in {"", "{"}
        if kind is None and opens:
            self._held, self._held_size, self._data_column = [line], len(line), at
            return []
        if kind in {"Secret", "SecretList"}:
            if opens:
                self._enter(at, is_scalar=False)
            elif scalar(value) not in {"{}", "null", "<nil>"}:
                return [(line, Part.VALUE)]
        return [(line, Part.NOTHING_KNOWN)]

    def _keyed(self, at: int, key: str, value: str) -> Part:
        if (not value or SCALAR.fullmatch(value)) and promise(key) in {Promise.SECRET, Promise.PASSWORD}:
            if value:
                self._enter(at, is_scalar=True)
            else:
                self._expects_scalar = at
        return Part.NOTHING_KNOWN

    def _enter(self, at: int, *, is_scalar: bool) -> None:
        self._inside, self._inside_scalar, self._first_column = at, is_scalar, None


def _all_base64(lines: list[str], data_column: int) -> bool:
    """Whether every value right under `data` is base64 text, as in a Secret whose kind was cut off."""
    entries = [ENTRY.match(line) for line in lines if column(line) > data_column]
    values = [scalar(entry["value"]) for entry in entries if entry is not None]
    return bool(values) and all(len(value) >= 8 and _BASE64.fullmatch(value) for value in values)


def canonical(value: str) -> str:
    """A Secret's value without its base64, so that it gets the pseudonym which the plain value has elsewhere."""
    try:
        plain = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return value
    return plain if len(plain) >= 4 and plain.isprintable() else value
