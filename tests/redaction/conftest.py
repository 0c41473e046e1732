"""A redactor for the tests."""

from __future__ import annotations

import pytest

from kubeai_bot.domain.redaction.redactor import Redaction, Redactor


@pytest.fixture(scope="session")
def redactor() -> Redactor:
    return Redaction(b"a key of thirty-two bytes, or so").for_session("T0SHOP", "C0ONCALL", "1.0")
