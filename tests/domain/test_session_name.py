"""Naming a session after its first message."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kubeai_bot.domain.session import name_from


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("why does checkout fail?", "why does checkout fail?"),
        ("  why\n\ndoes\tcheckout   fail? ", "why does checkout fail?"),
        ("", ""),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("a" * 58 + " bcd", "a" * 58 + "…"),
    ],
)
def test_a_name_is_the_first_words_on_one_line(text, name):
    assert name_from(text) == name


@given(st.text(max_size=200), st.integers(1, 80))
def test_a_name_is_one_trimmed_line_within_the_limit(text, limit):
    name = name_from(text, limit)
    assert len(name) <= limit
    assert name == " ".join(name.split())
    assert name.removesuffix("…") == "" or " ".join(text.split()).startswith(name.removesuffix("…"))
