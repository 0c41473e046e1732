"""Whose API it is, and how its refusals are told without a key or a word of the request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_SENTENCE_LIMIT = 300
_QUOTED_RUN = 24


@dataclass(frozen=True, slots=True)
class Account:
    """In the operator's words: `vendor` for people, and the settings that decide about access."""

    vendor: str
    key_setting: str
    address_setting: str
    model: str
    secret: Callable[[], str] = field(repr=False)
    """The key or the access token of the moment, only to keep it out of every text."""

    def refusal(self, status: int, said: str) -> str:
        """What a refusal with that HTTP status means; `said` as from `quotable`."""
        match status:
            case 401:
                return self.bad_key(status)
            case 403:
                return (
                    f"{self.vendor} does not allow this (403). Check what {self.key_setting} may use, the region, and"
                    f" whether it may use MODEL_ID={self.model}{said}"
                )
            case 404:
                return (
                    f"{self.vendor} does not know the model {self.model} at this address (404). Check MODEL_ID and"
                    f" {self.address_setting}{said}"
                )
            case _:
                return f"{self.vendor} refused the request ({status}). Check MODEL_ID={self.model}{said}"

    def bad_key(self, status: int) -> str:
        return f"{self.vendor} does not accept the key ({status}). Check {self.key_setting}."

    def quotable(self, sentence: str, request: str) -> str:
        """`: ` and the vendor's sentence on one line, shortened; "" where it quotes the key or the request."""
        line, secret = _on_one_line(sentence)[:_SENTENCE_LIMIT], self.secret()
        if not line or line.startswith("<") or (secret and secret in sentence):
            return ""
        sent = _on_one_line(request)
        starts = range(0, len(line) - _QUOTED_RUN + 1, 4)
        return "" if any(line[at : at + _QUOTED_RUN] in sent for at in starts) else f": {line}"


def _on_one_line(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip()
