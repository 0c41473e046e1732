"""What the inspector shows is JSON, small enough, and without secrets."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.domain.message import Source, Text
from kubeai_bot.playground.page.detail import LONGEST_LIST, LONGEST_TEXT, Details
from kubeai_bot.playground.page.hub import QUEUE_CHARACTERS, QUEUE_FRAMES, Page
from kubeai_bot.playground.page.inspector import KEPT, Inspector

SECRET = "xoxb-very-secret"

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(Source.USER),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, st.just(SECRET)),
    max_leaves=20,
)


@given(VALUES)
def test_anything_becomes_json_without_the_secret(value):
    text = json.dumps(Details([SECRET]).of(value), allow_nan=False)
    assert SECRET not in text


def test_of_a_secret_that_begins_like_another_nothing_stays():
    assert Details(["secret-1", "secret-1-and-more"]).text("secret-1-and-more secret-1") == "••• •••"


def test_a_secret_is_not_shown_in_json_within_a_text_either():
    secret = 'pass"word\\é'
    assert Details([secret]).text(json.dumps({"a": secret})) == '{"a": "•••"}'


def test_the_titles_of_entries_hold_no_secret():
    published = []
    inspector = Inspector(published.append, Details([SECRET]))
    inspector.remark("model", f"the key is {SECRET}")
    assert published[0]["entry"]["title"] == "the key is •••"


def test_records_are_shown_by_their_fields():
    at = datetime(2026, 1, 2, tzinfo=UTC)
    assert Details().of(Text("hi")) == {"text": "hi", "vendor": None}
    assert Details().of({"at": at, "source": Source.MODEL}) == {"at": "2026-01-02T00:00:00+00:00", "source": "model"}


def test_what_is_long_or_deep_is_cut_and_says_so():
    details = Details()
    assert details.of("x" * (LONGEST_TEXT + 1_500)).endswith("… (1,500 more characters)")
    assert details.of(list(range(LONGEST_LIST + 3)))[-1] == "… 3 more"
    deep: list[object] = []
    for _ in range(2_000):
        deep = [deep]
    assert len(json.dumps(details.of(deep))) < 200


def test_a_field_named_like_a_credential_is_never_shown():
    @dataclass
    class Holder:
        inner: dict[str, object]

    shown = Details().of(Holder({"Token": "a", "authorization": "b", "tokens": 5, "text": "token"}))
    assert shown == {"inner": {"Token": "•••", "authorization": "•••", "tokens": 5, "text": "token"}}


def test_a_lane_keeps_its_newest_entries_and_a_changed_one_stays_in_its_place():
    published = []
    inspector = Inspector(published.append, Details())
    for number in range(KEPT["model"] + 5):
        inspector.put("model", {"id": str(number), "title": "old"})
    inspector.put("model", {"id": "10", "title": "new"})
    entries = inspector.lanes()["model"]
    assert len(entries) == KEPT["model"]
    assert (entries[0]["id"], entries[5]["id"], entries[5]["title"]) == ("5", "10", "new")
    assert len(published) == KEPT["model"] + 6


def test_a_page_takes_one_long_frame_but_not_many_behind_it():
    page = Page()
    page.send("x" * (QUEUE_CHARACTERS + 1))
    assert not page.overrun.is_set()
    page.send("y")
    assert page.overrun.is_set()
    short = Page()
    for _ in range(QUEUE_FRAMES):
        short.send("x")
    assert not short.overrun.is_set()
    short.send("x")
    assert short.overrun.is_set()
