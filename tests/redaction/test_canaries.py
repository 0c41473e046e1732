"""Made-up secrets in realistic places: none gets out."""

from __future__ import annotations

import json
import random

import pytest

from kubeai_bot.domain.redaction.redactor import Redactor, has_marker
from tests.redaction.canaries import Canary, canaries, leaked


def redacted(redactor: Redactor, carrier: object) -> object:
    return redactor.text(carrier).text if isinstance(carrier, str) else redactor.value(carrier)


def as_text(document: object) -> str:
    return document if isinstance(document, str) else json.dumps(document)


@pytest.fixture(scope="module")
def planted() -> list[Canary]:
    seed = random.SystemRandom().randrange(10**9)
    drawn = canaries(seed, 700)
    kinds, places = {one.kind for one in drawn}, {one.where for one in drawn}
    print(f"canaries: seed {seed}, {len(drawn)} of {len(kinds)} kinds in {len(places)} places")  # noqa: T201
    assert len(kinds) >= 20
    assert len(places) >= 100
    return drawn


def test_every_canary_is_in_what_it_was_planted_in(planted: list[Canary]) -> None:
    missing = [one for one in planted if leaked(one, as_text(one.carrier)) is None]
    assert not missing


def test_no_canary_leaves_and_none_leaves_in_base64(redactor: Redactor, planted: list[Canary]) -> None:
    leaks = [
        (one.kind, one.where, piece, one.carrier)
        for one in planted
        if (piece := leaked(one, as_text(redacted(redactor, one.carrier)))) is not None
    ]
    assert not leaks


def test_each_canary_leaves_a_marker(redactor: Redactor, planted: list[Canary]) -> None:
    unmarked = [one for one in planted if not has_marker(redacted(redactor, one.carrier))]
    assert not unmarked


def test_redacting_twice_changes_nothing(redactor: Redactor, planted: list[Canary]) -> None:
    for one in planted:
        once = redacted(redactor, one.carrier)
        assert redacted(redactor, once) == once, one


def test_an_object_stays_as_it_is_while_its_copy_is_redacted(redactor: Redactor, planted: list[Canary]) -> None:
    for one in planted[:300]:
        before = json.dumps(one.carrier)
        redactor.value(one.carrier)
        redactor.json(one.carrier)
        assert json.dumps(one.carrier) == before


def test_tool_arguments_and_structured_results_are_redacted_as_objects_are(
    redactor: Redactor, planted: list[Canary]
) -> None:
    for one in planted[:300]:
        document = {"arguments": {"manifest": one.carrier}}
        assert leaked(one, as_text(redactor.json(document))) is None, one


@pytest.mark.parametrize("encoded", ["QVNJQUZXRUVONVZGVE5HNUJDNEM=", "QVNJQVJBS01KSFI2VEJBQVRQVDM="])
def test_base64_that_happens_to_have_no_small_letters_is_looked_into(redactor: Redactor, encoded: str) -> None:
    assert encoded.isupper()
    assert has_marker(redactor.text(f"rejected credential {encoded} from 10.2.3.4").text)


@pytest.mark.parametrize(
    "line",
    [
        "passphrase = *Y^zj*K#a#1GIfkyV5*bD_#J",
        "passphrase was (Y^zjK#a#1GIfkyV5",
        "Authorization: [b7769617f9b7",
        "authorization: digest b7769617f9",
        "Set-Cookie: [session=b7769617f9",
        "password =X4e45Yb3f0eb and it fails",
    ],
)
def test_marks_before_a_value_are_no_part_of_a_secret_the_second_time(redactor: Redactor, line: str) -> None:
    once = redactor.text(line).text
    assert has_marker(once)
    assert redactor.text(once).text == once


def test_a_diff_below_a_telling_name_hides_the_old_value_and_the_new_one(redactor: Redactor) -> None:
    diff = "   - name: PGPASSWORD\n-    value: plain-before-words\n+    value: plain-after-words\n   - name: MODE\n"
    assert redactor.text(diff + "     value: plain-mode").found == 2


@pytest.mark.parametrize(
    "line", ["AWS_SECRET_ACCESS_KEY=/jthIJSUXoilVvjJ1+RUaFBp1E3amntoDygabpgo", "password:/Zk4+aa81x"]
)
def test_a_value_may_begin_with_a_slash(redactor: Redactor, line: str) -> None:
    assert has_marker(redactor.text(line).text)


@pytest.mark.parametrize(
    "line", ["TOKEN_FILE=/x/y", "TOKEN=/var/run/secrets/token", "secret://shop/db", "password: /tmp/pw"]
)
def test_paths_are_no_secrets(redactor: Redactor, line: str) -> None:
    assert redactor.text(line).text == line
