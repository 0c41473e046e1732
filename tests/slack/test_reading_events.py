"""What becomes of Slack's events: whose they are, what they mean, under which names they may come again."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import InboxKind, Incoming, ThreadRef
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.incoming import incoming_from
from kubeai_bot.slack.wording import kind_of, plain_text

BOT = Bot("T0SHOP", "U0KUBEAI", "B0KUBEAI")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def body(**event: Any) -> dict[str, Any]:
    base = {"type": "message", "channel_type": "im", "user": "U0MIA", "team": "T0SHOP", "channel": "D0MIA"}
    return {
        "type": "event_callback",
        "team_id": "T0SHOP",
        "event_id": "Ev1",
        "event": {**base, "ts": "5.000001", "text": "why?", **event},
        "authorizations": [{"team_id": "T0SHOP", "user_id": "U0KUBEAI", "is_bot": True}],
    }


def read(**event: Any) -> Incoming | None:
    return incoming_from(body(**event), BOT, NOW)


def test_a_direct_message_opens_a_session_of_its_own_thread() -> None:
    assert read() == Incoming(
        keys=("evt:Ev1", "msg:T0SHOP:D0MIA:5.000001"),
        thread=ThreadRef("T0SHOP", "D0MIA", "5.000001", is_dm=True),
        speaker=Speaker("T0SHOP", "U0MIA"),
        kind="message",
        text="why?",
        ts="5.000001",
        opens=True,
        received_at=NOW,
    )


def test_a_mention_opens_and_loses_the_name_of_the_bot() -> None:
    incoming = read(type="app_mention", channel="C0ONCALL", channel_type="channel", text="<@U0KUBEAI> why?")
    assert incoming is not None
    assert incoming.opens
    assert incoming.text == "why?"
    assert not incoming.thread.is_dm


def test_both_events_of_one_mention_in_a_thread_mean_the_same_under_one_key() -> None:
    there = {"channel": "C0ONCALL", "channel_type": "channel", "thread_ts": "4.000001", "text": "<@U0KUBEAI>: why?"}
    mention, message = read(type="app_mention", **there), read(**there)
    assert mention is not None
    assert message is not None
    assert mention.keys[1] == message.keys[1]
    assert (mention.text, mention.kind, mention.thread) == (message.text, message.kind, message.thread)
    assert (mention.opens, message.opens) == (True, False)
    assert message.thread.thread_ts == "4.000001"


@pytest.mark.parametrize("channel_type", ["channel", "group", "mpim"])
def test_only_replies_in_threads_are_read_in_channels(channel_type: str) -> None:
    assert read(channel="C0ONCALL", channel_type=channel_type) is None
    reply = read(channel="C0ONCALL", channel_type=channel_type, thread_ts="4.000001")
    assert reply is not None
    assert not reply.opens


@pytest.mark.parametrize(
    "event",
    [
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"subtype": "bot_message"},
        {"bot_id": "B0OTHER"},
        {"bot_id": "B0KUBEAI", "user": "U0KUBEAI"},
        {"user": "U0KUBEAI"},
        {"user": "USLACKBOT"},
        {"user": None},
        {"text": "  "},
        {"text": None},
        {"type": "reaction_added"},
        {"type": "agent_session_stopped", "thread_ts": None},
    ],
    ids=str,
)
def test_what_is_not_said_by_a_person_is_left_alone(event: dict[str, Any]) -> None:
    assert read(**event) is None


def test_files_are_named_since_they_are_not_read() -> None:
    files = [{"name": "a.yaml"}, {"name": "b\n" + "x" * 200}]
    incoming = read(subtype="file_share", text="", files=files)
    assert incoming is not None
    assert incoming.text == f"[Attached, but the bot cannot read files: a.yaml, b {'x' * 78}]"


def test_a_reply_also_sent_to_the_channel_is_read() -> None:
    assert read(channel="C0ONCALL", channel_type="channel", thread_ts="4.1", subtype="thread_broadcast") is not None


def test_a_person_from_elsewhere_speaks_with_their_own_team() -> None:
    shared = body(user="U0EVE", team="T0SHOP", user_team="T0OTHER", thread_ts="4.1")
    shared["team_id"] = "T0OTHER"
    incoming = incoming_from(shared, BOT, NOW)
    assert incoming is not None
    assert incoming.speaker == Speaker("T0OTHER", "U0EVE")
    assert incoming.thread.team_id == "T0SHOP"


def test_a_mention_without_words_asks_for_help() -> None:
    incoming = read(type="app_mention", channel="C0ONCALL", text="<@U0KUBEAI|kubeai> ")
    assert incoming is not None
    assert (incoming.kind, incoming.text) == ("help", "")


def test_the_stop_button_is_a_stop_without_words() -> None:
    incoming = read(type="agent_session_stopped", thread_ts="4.000001", event_ts="6.000001", text=None)
    assert incoming is not None
    assert (incoming.kind, incoming.text, incoming.opens) == ("stop", "", False)
    assert incoming.keys == ("evt:Ev1",)
    assert incoming.thread == ThreadRef("T0SHOP", "D0MIA", "4.000001")
    assert incoming.thread.is_dm


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("stop", "stop"),
        ("STOP!", "stop"),
        (" Cancel. ", "stop"),
        ("help", "help"),
        ("?", "help"),
        ("Help?", "help"),
        ("clear", "clear"),
        ("New", "clear"),
        ("reset…", "clear"),
        ("status", "status"),
        ("Status?", "status"),
        ("forget", "forget"),
        ("Forget  this\nthread!", "forget"),
        ("stored", "stored"),
        ("What do you store about me?", "stored"),
        ("stop the rollout", "message"),
        ("status of checkout", "message"),
        ("forget it, what about search?", "message"),
        ("what do you store about me in etcd?", "message"),
        ("…", "message"),
        ("new pods?", "message"),
        ("is it new", "message"),
    ],
)
def test_single_words_mean_something_by_themselves(text: str, kind: str) -> None:
    assert kind_of(text) == kind


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("&amp;lt;", "&lt;"),
        ("see <https://x.example/a?b=1&amp;c=2>", "see https://x.example/a?b=1&c=2"),
        ("see <https://x.example|the docs>", "see the docs (https://x.example)"),
        ("pod <http://web.shop|web.shop>", "pod web.shop"),
        ("mail <mailto:a@b.example|a@b.example>", "mail a@b.example"),
        ("ask <@U0OMAR|omar> or <@U0SAM> in <#C1|ops>", "ask @omar or @U0SAM in #ops"),
        ("<!here> <!subteam^S1|@sre> <!date^1^{date}|today>", "@here @sre today"),
        ("<@U0KUBEAI>, why? <@U0KUBEAI>", "why?"),
    ],
)
def test_text_reads_as_people_see_it(text: str, plain: str) -> None:
    assert plain_text(text, "U0KUBEAI") == plain


@given(st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2))
def test_a_field_of_any_shape_in_the_text_is_no_crash(text: Any) -> None:
    incoming = read(text=text)
    assert incoming is None or incoming.kind in get_args(InboxKind)
