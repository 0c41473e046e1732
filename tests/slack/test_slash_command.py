"""The slash command, over both transports."""

import pytest

from kubeai_bot.playground.workspace.people import Channel
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.questions import LIMITED, NOT_A_MEMBER, NOT_RECORDED, UNCERTAIN
from tests.slack.program import REFUSAL, Program, text_of, whispers


async def test_a_question_becomes_a_visible_thread_and_is_received_once(surfaced: Workspace, program: Program) -> None:
    delivery = await surfaced.command("U0MIA", "/kubeai", "why is *checkout* down?", channel="C0ONCALL")
    assert delivery.acked
    (root,) = surfaced.messages("C0ONCALL")
    assert surfaced.rendered("C0ONCALL").count("why is *checkout* down?") == 1
    assert "@Mia asks:" in surfaced.rendered("C0ONCALL")
    (incoming,) = program.received
    assert (incoming.thread.channel_id, incoming.thread.thread_ts) == ("C0ONCALL", root.ts)
    assert (incoming.speaker.user_id, incoming.text) == ("U0MIA", "why is *checkout* down?")
    assert incoming.opens
    assert not incoming.thread.is_dm


async def test_the_same_command_twice_leaves_one_thread(surfaced: Workspace, program: Program) -> None:
    delivery = await surfaced.command("U0MIA", "/kubeai", "why?", channel="C0ONCALL")
    surfaced._courier.send_again(delivery, reason="timeout")
    await surfaced.wait_for(lambda w: w.calls_of("chat.delete"), what="the second root to be taken away")
    assert len(program.received) == 1
    assert [message.ts for message in surfaced.messages("C0ONCALL")] == [program.received[0].thread.thread_ts]


async def test_what_a_person_types_cannot_ping_anybody(surfaced: Workspace, program: Program) -> None:
    await surfaced.command("U0MIA", "/kubeai", "look <!channel> <@U0OMAR|omar> &lt;!here&gt; @channel")
    (call,) = surfaced.calls_of("chat.postMessage")
    assert "<!" not in str(call.arguments)
    assert "<@U0OMAR" not in str(call.arguments)
    assert {block["text"]["type"] for block in call.arguments["blocks"] if "text" in block} == {"plain_text"}
    assert program.received[0].text == "look @channel @omar <!here> @channel"


async def test_a_long_question_is_shown_in_part_and_received_whole(surfaced: Workspace, program: Program) -> None:
    await surfaced.command("U0MIA", "/kubeai", "why? " * 1_500)
    assert program.received[0].text == ("why? " * 1_500).strip()


async def test_where_the_bot_is_no_member_the_person_is_told_what_to_do(surfaced: Workspace, program: Program) -> None:
    surfaced.add_channel(Channel("C0SECRET", "secret", {"U0MIA"}))
    delivery = await surfaced.command("U0MIA", "/kubeai", "why?", channel="C0SECRET")
    assert delivery.acked
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert NOT_A_MEMBER in text_of(whisper)
    assert "You asked: why?" in text_of(whisper)
    assert not program.received


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"error": "ratelimited", "status": 429}, LIMITED),
        ({"status": 503}, UNCERTAIN),
        ({"delay": 10.0}, UNCERTAIN),
        ({"error": "restricted_action"}, "restricted_action"),
    ],
)
async def test_where_slack_does_not_take_the_post_the_person_is_told(
    surfaced: Workspace, program: Program, fault: dict[str, object], said: str
) -> None:
    surfaced.fault("chat.postMessage", **fault)  # type: ignore[arg-type]
    delivery = await surfaced.command("U0MIA", "/kubeai", "why?")
    assert delivery.acked
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert said in text_of(whisper)
    assert not program.received


async def test_a_question_that_could_not_be_recorded_is_taken_back_and_said(
    surfaced: Workspace, program: Program
) -> None:
    program.away = True
    delivery = await surfaced.command("U0MIA", "/kubeai", "why?")
    assert delivery.acked
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert NOT_RECORDED in text_of(whisper)
    await surfaced.wait_for(lambda w: w.calls_of("chat.delete"), what="the question to be withdrawn")
    assert [message for message in surfaced.messages("D0MIA") if not message.ephemeral_to] == []


@pytest.mark.parametrize("word", ["help", "", "Help!", "?"])
async def test_help_is_answered_to_the_person_alone(surfaced: Workspace, program: Program, word: str) -> None:
    await surfaced.command("U0MIA", "/kubeai", word, channel="C0ONCALL")
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert "Say `help`." in text_of(whisper)
    assert not program.received


async def test_the_clusters_are_named(surfaced: Workspace) -> None:
    await surfaced.command("U0MIA", "/kubeai", "clusters")
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert "`demo`, `staging`" in text_of(whisper)


async def test_whoami_names_the_kubernetes_user(surfaced: Workspace) -> None:
    assert (await surfaced.command("U0MIA", "/kubeai", "whoami", channel="C0ONCALL")).acked
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert "mia@shop.example (shop-developers)" in text_of(whisper)


@pytest.mark.parametrize("word", ["whoami", "status", "clusters"])
async def test_a_refused_person_is_told_why(surfaced: Workspace, word: str) -> None:
    await surfaced.command("U0GIL", "/kubeai", word)
    (whisper,) = await whispers(surfaced, "U0GIL")
    assert REFUSAL in text_of(whisper)


async def test_a_refused_persons_question_goes_where_it_is_refused_in_words(
    surfaced: Workspace, program: Program
) -> None:
    await surfaced.command("U0GIL", "/kubeai", "show me all pods")
    assert program.received[0].speaker.user_id == "U0GIL"


async def test_status_lists_clusters_and_own_conversations_only(surfaced: Workspace, program: Program) -> None:
    program.add("1.1", name="why is <!channel> checkout down?", running=True)
    program.add("2.1", user="U0OMAR", name="of omar")
    await surfaced.command("U0MIA", "/kubeai", "status")
    (whisper,) = await whispers(surfaced, "U0MIA")
    text = text_of(whisper)
    assert "`demo`, `staging`" in text
    assert "checkout down?: at work" in text
    assert "<!channel>" not in text
    assert "of omar" not in text


async def test_stored_counts_what_is_on_record_and_says_for_how_long(surfaced: Workspace, program: Program) -> None:
    program.add("1.1")
    await surfaced.command("U0MIA", "/kubeai", "what do you store about me?")
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert "1 session" in text_of(whisper)
    assert "kept for 30 days" in text_of(whisper)


async def test_a_store_that_is_away_is_admitted(surfaced: Workspace, program: Program) -> None:
    program.away = True
    await surfaced.command("U0MIA", "/kubeai", "status")
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert "cannot look that up" in text_of(whisper)


@pytest.mark.parametrize("word", ["stop", "clear", "forget this thread", "grants", "tools", "approve a-1234"])
async def test_words_for_a_thread_are_sent_there(surfaced: Workspace, program: Program, word: str) -> None:
    await surfaced.command("U0MIA", "/kubeai", word)
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert "for a thread" in text_of(whisper)
    assert not program.received


async def test_somebody_from_elsewhere_is_told_apart(surfaced: Workspace, program: Program) -> None:
    await surfaced.shortcut("U0EVE", "ask_cluster")
    await surfaced.wait_for(lambda w: "U0EVE" in w._state.modals, what="the form")
    await surfaced.submit("U0EVE", {"question_text": "why?"})
    assert program.received[0].speaker.team_id == "T0OTHER"
    assert program.received[0].thread.team_id == "T0SHOP"
