"""The choke point for secrets: whatever leaves the cluster or comes from people passes through one of these."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from kubeai_bot.domain.redaction.finder import CleanLines, Finder
from kubeai_bot.domain.redaction.lines import Lines
from kubeai_bot.domain.redaction.objects import Walk
from kubeai_bot.domain.redaction.pseudonyms import MARKER, Pseudonyms, has_marker

__all__ = ["MARKER", "Redacted", "RedactingStream", "Redaction", "Redactor", "has_marker"]


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without secrets; `found` is how many were replaced in it."""

    text: str
    found: int


class Redaction:
    """Gives each session its own pseudonyms. `master` is the bot's key, at least 16 bytes. Raises ValueError."""

    def __init__(self, master: bytes) -> None:
        if len(master) < 16:
            raise ValueError("the redaction key needs at least 16 bytes")
        self._master = master
        self._clean = CleanLines()

    def for_session(self, *parts: str) -> Redactor:
        """The redactor of the session that `parts` name (team, channel, thread, …)."""
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        message = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
        return Redactor(hmac.digest(self._master, message, "sha256"), self._clean)


class Redactor:
    """Replaces secrets by pseudonyms, `<redacted:1a2b3c4d>`: one secret has one pseudonym under one `key`.

    Takes any text or document, raises nothing, is idempotent, and takes time linear in the input.
    """

    def __init__(self, key: bytes, clean: CleanLines | None = None) -> None:
        self._pseudonyms = Pseudonyms(key)
        self._finder = Finder(self._pseudonyms, self._nested_document, self._nested_text, clean or CleanLines())

    def text(self, text: str) -> Redacted:
        """Free text: logs, errors, messages, YAML, JSON, diffs."""
        return Redacted(*self._nested_text(text, 0))

    def value(self, obj: Any) -> Any:
        """A Kubernetes object, list of objects or part of one, as parsed JSON. The argument stays as it is."""
        return self._nested_document(obj, 0)[0]

    def json(self, document: Any) -> Any:
        """Any JSON document: tool arguments, an MCP server's structured result. The argument stays as it is."""
        return self._nested_document(document, 0)[0]

    def stream(self) -> RedactingStream:
        """For text that arrives in pieces."""
        return RedactingStream(Lines(self._finder, self._pseudonyms))

    def _nested_text(self, text: str, depth: int) -> tuple[str, int]:
        lines = Lines(self._finder, self._pseudonyms, depth)
        redacted = lines.feed(text) + lines.finish()
        return redacted, lines.found

    def _nested_document(self, document: object, depth: int) -> tuple[Any, int]:
        walk = Walk(self._pseudonyms, self._finder, self._nested_text)
        redacted = walk.node(document, depth)
        return redacted, walk.found


class RedactingStream:
    """A text in pieces: what `feed` and `finish` give is, together, what `Redactor.text` gives for the whole.

    It holds back the last word, and longer where a secret may have begun: a line that starts with a key, a quotation,
    a private key, an object whose kind is not known yet. It never holds more than about 1 MiB.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def feed(self, delta: str) -> str:
        """The redacted text that `delta` has settled; may be empty."""
        return self._lines.feed(delta) + self._lines.settled()

    def finish(self) -> str:
        """The redacted rest."""
        return self._lines.finish()
