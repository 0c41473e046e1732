"""Markers: the same for the same secret in a session, another in another session, never redacted again."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from kubeai_bot.domain.redaction.redactor import MARKER, Redaction, Redactor, has_marker


def marker_in(text: str) -> str:
    found = MARKER.findall(text)
    assert len(found) == 1, text
    return found[0]


def test_one_secret_has_one_pseudonym_wherever_it_stands(redactor: Redactor) -> None:
    secret = redactor.value({"kind": "Secret", "data": {"x": base64.b64encode(b"hunter2-Xy").decode()}})
    env = redactor.value({"env": [{"name": "DB_PASSWORD", "value": "hunter2-Xy"}]})
    yaml_text = redactor.text("kind: Secret\nstringData:\n  x: hunter2-Xy\n").text
    log = redactor.text("connecting password=hunter2-Xy host=db").text
    url = redactor.text("postgres://shop:hunter2-Xy@db/shop").text
    marks = {secret["data"]["x"], env["env"][0]["value"], marker_in(yaml_text), marker_in(log), marker_in(url)}
    assert len(marks) == 1


def test_two_secrets_have_two_pseudonyms(redactor: Redactor) -> None:
    assert marker_in(redactor.text("A_TOKEN=one11111").text) != marker_in(redactor.text("A_TOKEN=two22222").text)


def test_another_session_or_another_master_key_gives_another_pseudonym() -> None:
    sessions = [
        Redaction(b"0" * 32).for_session("T1", "C1"),
        Redaction(b"0" * 32).for_session("T1", "C2"),
        Redaction(b"0" * 32).for_session("T1C", "1"),
        Redaction(b"0" * 32).for_session("T1C1"),
        Redaction(b"1" * 32).for_session("T1", "C1"),
    ]
    assert len({session.text("DB_PASSWORD=hunter2").text for session in sessions}) == len(sessions)
    again = Redaction(b"0" * 32).for_session("T1", "C1")
    assert again.text("DB_PASSWORD=hunter2") == sessions[0].text("DB_PASSWORD=hunter2")


def test_a_key_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Redaction(b"short")


def test_the_count_tells_how_many_secrets_were_replaced(redactor: Redactor) -> None:
    assert redactor.text("A_TOKEN=one11111\nB_TOKEN=two22222\nplain\n").found == 2
    assert redactor.text("nothing here").found == 0


@pytest.mark.parametrize(
    "document",
    [
        "<redacted:a1b2c3d4>",
        "password: <redacted:a1b2c3d4>\n",
        {"data": {"x": "<redacted:a1b2c3d4>"}},
        {"<redacted:a1b2c3d4>": 1},
        [["deep", {"a": ["x <redacted:a1b2c3d4> y"]}]],
        "&lt;redacted:a1b2c3d4&gt;",
        "< REDACTED : a1b2c3d4>",
        r"\u003credacted:a1b2c3d4\u003e",
        "%3Credacted%3Aa1b2c3d4%3E",
        base64.b64encode(b"<redacted:a1b2c3d4>").decode(),
        base64.b64encode(b"x<redacted:a1b2c3d4>").decode(),
        base64.b64encode(b"xy<redacted:a1b2c3d4>").decode(),
        b"<redacted:a1b2c3d4>",
    ],
)
def test_a_marker_is_seen_in_any_document_and_disguise(document: Any) -> None:
    assert has_marker(document)


@pytest.mark.parametrize(
    "document", ["", "redacted", "<b>", {"a": [1, None, "text"]}, None, 3, base64.b64encode(b"redacted").decode()]
)
def test_what_has_no_marker_is_not_taken_for_one(document: Any) -> None:
    assert not has_marker(document)
