"""The label selector grammar of k8s.io/apimachinery/pkg/labels, with its error texts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kubeai_bot.playground.cluster.status import bad_request

_TOKEN = re.compile(r"==|!=|[!(),=<>]|[^\s!(),=<>]+")
_OPERATORS = {"in", "notin", "=", "==", "!=", ">", "<"}
_SYMBOLS = _OPERATORS | {"!", "(", ")", ","}
_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_BAD_NAME = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_BAD_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


@dataclass(frozen=True)
class Requirement:
    """One term; `op` is one of in, notin, exists, absent, gt, lt."""

    key: str
    op: str
    values: frozenset[str] = frozenset()

    def accepts(self, labels: dict[str, str]) -> bool:
        value = labels.get(self.key)
        if self.op in {"exists", "absent"}:
            return (value is not None) == (self.op == "exists")
        if self.op == "notin":
            return value not in self.values
        if value is None:
            return False
        if self.op == "in":
            return value in self.values
        bound = int(next(iter(self.values)))
        if not value.lstrip("-").isdigit():
            return False
        return int(value) > bound if self.op == "gt" else int(value) < bound


def parse_labels(text: str) -> list[Requirement]:
    """The terms of a selector; ApiError 400 with the real parser's complaint."""
    return _Parser(text).parse()


class _Parser:
    """Recursive descent over the tokens, in the steps of the original so that the complaints agree."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def parse(self) -> list[Requirement]:
        found: list[Requirement] = []
        if not self._tokens:
            return found
        while True:
            if not (_is_identifier(self._ahead()) or self._ahead() == "!"):
                raise bad_request(f"found '{self._ahead()}', expected: !, identifier, or 'end of string'")
            found.append(self._requirement())
            after = self._take()
            if not after:
                return found
            if after != ",":
                raise bad_request(f"found '{after}', expected: ',' or 'end of string'")
            if not (_is_identifier(self._ahead()) or self._ahead() == "!"):
                raise bad_request(f"found '{self._ahead()}', expected: identifier after ','")

    def _ahead(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._ahead()
        self._at += 1
        return token

    def _requirement(self) -> Requirement:
        key = self._take()
        absent = key == "!"
        if absent:
            key = self._take()
        if not _is_identifier(key):
            raise _unparsed(f"found '{key}', expected: identifier")
        if not _NAME.fullmatch(key.rpartition("/")[2]):
            raise _unparsed(f'<nil>: Invalid value: "{key}": {_BAD_NAME}')
        if absent:
            return Requirement(key, "absent")
        if self._ahead() in {"", ","}:
            return Requirement(key, "exists")
        operator = self._take()
        if operator not in _OPERATORS:
            raise _unparsed(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
        if operator in {"in", "notin"}:
            return _checked(Requirement(key, operator, self._values()))
        value = self._exact_value()
        op = {"!=": "notin", ">": "gt", "<": "lt"}.get(operator, "in")
        return _checked(Requirement(key, op, frozenset({value})))

    def _exact_value(self) -> str:
        if self._ahead() in {"", ","}:
            return ""
        value = self._take()
        if value in _SYMBOLS - {"in", "notin"}:
            raise _unparsed(f"found '{value}', expected: identifier")
        return value

    def _values(self) -> frozenset[str]:
        opening = self._take()
        if opening != "(":
            raise _unparsed(f"found '{opening}' expected: '('")
        if self._ahead() == ")":
            self._take()
            return frozenset()
        if self._ahead() != "," and not _is_word(self._ahead()):
            raise _unparsed(f"found '{self._ahead()}', expected: ',', ')' or identifier")
        values: set[str] = set()
        expects_value = True
        while self._ahead() != ")":
            word = self._take()
            if word == ",":
                if expects_value:
                    values.add("")
                expects_value = True
            elif _is_word(word) and expects_value:
                values.add(word)
                expects_value = False
            else:
                raise _unparsed(f"found '{word}', expected: ',' or ')'")
        if expects_value:
            values.add("")
        self._take()
        return frozenset(values)


def _is_identifier(token: str) -> bool:
    return bool(token) and token not in _SYMBOLS


def _is_word(token: str) -> bool:
    """An identifier where values stand: there `in` and `notin` are words like any other."""
    return _is_identifier(token) or token in {"in", "notin"}


def _checked(requirement: Requirement) -> Requirement:
    for index, value in enumerate(sorted(requirement.values)):
        if requirement.op in {"gt", "lt"} and not value.lstrip("-").isdigit():
            why = "for 'Gt', 'Lt' operators, the value must be an integer"
            raise _unparsed(f'values[{index}]: Invalid value: "{value}": {why}')
        if not _VALUE.fullmatch(value):
            raise _unparsed(f'values[{index}][{requirement.key}]: Invalid value: "{value}": {_BAD_VALUE}')
    return requirement


def _unparsed(why: str) -> Exception:
    return bad_request(f"unable to parse requirement: {why}")
