"""What is remembered of lines without a secret: it makes looking again cheap, and never answers for a secret."""

from __future__ import annotations

import json

from kubeai_bot.domain.redaction.finder import CleanLines
from kubeai_bot.domain.redaction.redactor import Redaction

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2


def test_no_secret_is_remembered() -> None:
    clean = CleanLines()
    redactor = Redaction(b"m" * 32).for_session("a")
    redactor._finder._clean = clean
    for _ in range(2):
        assert SECRET not in redactor.text(f"token {SECRET}\nall is well\n").text
        assert SECRET not in str(redactor.value({"note": SECRET, SECRET: "all is well, too, for sure"}))
    assert "all is well\n" in clean
    assert not [line for line in clean._lines if SECRET in line]


def test_a_line_that_is_clean_where_it_is_nested_is_looked_at_again_where_it_is_not() -> None:
    """A document that stands too deep to be looked into is judged by its text alone."""
    line: object = {"kind": "Secret", "data": {"a": "cGFzc3dvcmQ="}}
    for _ in range(8):
        line = json.dumps({"note": line if isinstance(line, str) else json.dumps(line)})
    redactor = Redaction(b"m" * 32).for_session("a")
    redactor.text(str(line))
    inner = json.dumps({"kind": "Secret", "data": {"a": "cGFzc3dvcmQ="}})
    assert "cGFzc3dvcmQ=" not in redactor.text(inner).text


def test_it_forgets_before_it_grows() -> None:
    clean = CleanLines()
    for number in range(50_000):
        clean.add(f"a line with the number {number}", 0)
    clean.add("x" * 10_000, 0)
    assert len(clean._lines) <= 20_000
    assert "x" * 10_000 not in clean
