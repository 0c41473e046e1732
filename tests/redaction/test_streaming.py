"""Text in pieces is redacted as the whole text is, and what was given out is never a part of a secret."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from kubeai_bot.domain.redaction.redactor import Redaction, Redactor
from tests.redaction.benign import DESCRIBED, DOCUMENTED
from tests.redaction.canaries import canaries, leaked

REDACTOR = Redaction(b"0" * 32).for_session("a")

HOSTILE = [
    "password", "token", ":", "=", " ", "  ", "\n", '"', "'", "hunter2-Xy", "{", "}", "[", "is", "true", "--password",
    "-p", "mysql", "curl -u a:b", "Bearer", "data", "kind", "Secret", "name", "value", "- ", "login", "|", "echo",
    "\\", "<redacted:abcdef>", ",", "a", "`", "://u:p@h", "eyJhbGciOiJub25lIn0", ".", "AKIAABCDEFGHIJKLMNOP",
    "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "\t", "#",
]  # fmt: skip


def in_pieces(redactor: Redactor, text: str, sizes: list[int]) -> list[str]:
    stream = redactor.stream()
    out: list[str] = []
    at, n = 0, 0
    while at < len(text):
        size = sizes[n % len(sizes)]
        out.append(stream.feed(text[at : at + size]))
        at, n = at + size, n + 1
    return [*out, stream.finish()]


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    before=st.sampled_from(["", "Here is what I found, and there is more: ", "\n", "- one\n- two: ", DOCUMENTED]),
    indent=st.sampled_from([None, 2]),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=30),
)
def test_pieces_give_what_the_whole_gives(seed: int, before: str, indent: int | None, sizes: list[int]) -> None:
    canary = canaries(seed, 1)[0]
    text = (
        before
        + (canary.carrier if isinstance(canary.carrier, str) else json.dumps(canary.carrier, indent=indent))
        + " and so on, as ever."
    )
    assert "".join(in_pieces(REDACTOR, text, sizes)) == REDACTOR.text(text).text


@settings(max_examples=150, deadline=None)
@given(
    words=st.lists(
        st.sampled_from(HOSTILE),
        max_size=40,
    ),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=8),
)
def test_pieces_of_hostile_text_give_what_the_whole_gives(words: list[str], sizes: list[int]) -> None:
    text = "".join(words)
    assert "".join(in_pieces(REDACTOR, text, sizes)) == REDACTOR.text(text).text


def test_no_prefix_of_what_was_given_out_holds_a_part_of_a_secret(redactor: Redactor) -> None:
    for canary in canaries(7, 400):
        if isinstance(canary.carrier, str):
            assert leaked(canary, "".join(in_pieces(redactor, canary.carrier, [3]))) is None, canary


def test_ordinary_words_are_given_out_as_they_come(redactor: Redactor) -> None:
    stream = redactor.stream()
    text = "The checkout pod restarts because its memory limit is too low for the new release, I think"
    given = "".join(stream.feed(word + " ") for word in text.split())
    assert given == text + " "


def test_a_document_is_given_out_before_its_end(redactor: Redactor) -> None:
    pieces = in_pieces(redactor, DESCRIBED * 3, [200])
    assert sum(map(len, pieces[: len(pieces) // 2])) > len(DESCRIBED)
