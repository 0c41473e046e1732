"""Nothing raises, nothing takes more than linear time, and memory stays bounded."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeai_bot.domain.redaction.redactor import Redaction, Redactor

UNITS = [
    "a", "key", "sk-", "xsk-", "eyJ", "eyJaaaaaaaa-", "AKIA", "0x", "A1b2/", "=", "-", "_", "/", ".aaaaaa", "aaaaaa.",
    "://", "://a:", 'password="', '"password":"x\\"', "password=", "password='", "token: ", "sig=", "Bearer ",
    "cookie: a=", "--password ", "mysql -p", "-p ", "echo x | ", "<redacted:abcdef>", "password=<redacted:abcdef>",
    '\\"', '"\\"', '{"a":', '{"', "[[", "[", "\\\\", "'", "`", '"kind":"Secret","data":{', "data:\n  ",
    "kind: Secret\ndata:\n", "- value: x\n", "name: DB_PASSWORD\n", "password: |\n  x\n",
    "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\n",
    "Private-Lines: 9\n", "login a password b ", "identified by ", "private key ", "$2y$", "1:", " ", "\t", "\n",
    "\r", "\x00", "\ud800", "ſ", "İ",
]  # fmt: skip


def seconds(redactor: Redactor, text: str) -> float:
    """CPU time of the faster of two runs."""
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        redactor.text(text)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_with_the_text_and_not_with_its_square(redactor: Redactor, unit: str) -> None:
    def of(size: int) -> str:
        return (unit * (size // len(unit) + 1))[:size]

    small, large = seconds(redactor, of(4_000)), seconds(redactor, of(32_000))
    # Eight times the text: linear is 8, quadratic is 64. Times under two milliseconds say nothing.
    assert large <= 24 * max(small, 0.002), (small, large)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=300), st.sampled_from(UNITS), st.text(max_size=40))
def test_any_text_comes_back_redacted_once_and_for_all(before: str, unit: str, after: str) -> None:
    redactor = Redaction(b"0" * 32).for_session("a")
    once = redactor.text(before + unit + after).text
    assert redactor.text(once).text == once


NAMES = ["password", "passphrase", "token", "api_key", "Authorization", "Set-Cookie", "--password", "secret-key"]
SEPARATORS = ["=", " = ", ": ", ":", " is ", " was ", "=> ", '": ', " ", " =", "== "]
OPENINGS = ["", "*", "**", "(", "[", "{", "<", "'", '"', "`", "_", "digest ", "Token ", "ApiKey ", "Bearer ", "Basic "]


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(
        st.sampled_from(["", "  - ", "export ", "curl ", "[db]\n"]),
        st.sampled_from(NAMES),
        st.sampled_from(SEPARATORS),
        st.lists(st.sampled_from(OPENINGS), max_size=2).map("".join),
        st.text("aZ09*#^_@!$%&(){}[]<>,;.:/+-=~|?", min_size=6, max_size=30),
        st.sampled_from(["", "*", "**", "'", '"', ")", ".", " and it fails"]),
    ).map("".join)
)
def test_a_value_with_any_marks_around_it_is_redacted_once_and_for_all(line: str) -> None:
    redactor = Redaction(b"0" * 32).for_session("a")
    once = redactor.text(line).text
    assert redactor.text(once).text == once


json_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["kind", "data", "name", "value", "password", "type", "items", "args", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None)
@given(json_documents)
def test_any_document_comes_back_redacted_once_and_for_all(document: Any) -> None:
    redactor = Redaction(b"0" * 32).for_session("a")
    before = json.dumps(document)
    once = redactor.value(document)
    assert redactor.value(once) == once
    assert json.dumps(document) == before


def test_documents_nested_too_deeply_are_replaced_where_they_get_too_deep(redactor: Redactor) -> None:
    document: Any = "hunter2-secret"
    for _ in range(5000):
        document = {"a": [document]}
    assert "hunter2" not in repr(redactor.value(document))
    text = '{"a":' * 5000 + '{"password":"hunter2-secret"}' + "}" * 5000
    assert "hunter2" not in redactor.text(text).text


def test_a_json_key_that_is_repeated_hides_no_secret(redactor: Redactor) -> None:
    assert "hunter2" not in redactor.text('{"password": "hunter2", "password": ""}').text


def test_a_line_of_ten_megabytes_is_redacted_to_its_end_in_bounded_memory(redactor: Redactor) -> None:
    stream = redactor.stream()
    piece = "status=200 path=/api/v1/cart " * 4000
    tracemalloc.start()
    out = 0
    leaked = False
    for n in range(90):
        settled = stream.feed(piece + f"password=hunter2-{n:05} ")
        out += len(settled)
        leaked = leaked or "hunter2" in settled
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    rest = stream.finish()
    assert not leaked
    assert "hunter2" not in rest
    assert out + len(rest) > 90 * len(piece)
    assert peak < 60 * 2**20


@pytest.mark.parametrize(
    ("opening", "unit"),
    [
        ("password=", "Zx9!"),
        ('password="', "Zx9! "),
        ("token: '", "Zx9! "),
        ("x eyJhbGciOiJub25lIn0.", "Zx9"),
        ("", "Zx9"),
    ],
)
def test_a_secret_longer_than_any_buffer_stays_hidden_altogether(redactor: Redactor, opening: str, unit: str) -> None:
    text = f"start {opening}" + unit * (2_700_000 // len(unit))
    assert "Zx9" not in redactor.text(text).text
    stream = redactor.stream()
    out = "".join(stream.feed(text[n : n + 65_536]) for n in range(0, len(text), 65_536)) + stream.finish()
    assert "Zx9" not in out


def test_a_value_of_a_secret_longer_than_any_buffer_stays_hidden_and_the_next_lines_are_seen(
    redactor: Redactor,
) -> None:
    text = "kind: Secret\ndata:\n  big: " + "Zx9a" * 400_000 + "\nmetadata:\n  name: shop-db\n"
    redacted = redactor.text(text).text
    assert "Zx9aZx9a" not in redacted
    assert "name: shop-db" in redacted
