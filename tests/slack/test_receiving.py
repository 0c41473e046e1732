"""An event is on record before Slack is acked, over Socket Mode and over signed HTTP alike."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp
import pytest
from slack_sdk.signature import SignatureVerifier
from structlog.testing import capture_logs

from kubeai_bot.domain.session import Incoming
from kubeai_bot.domain.storage import Receipt
from kubeai_bot.errors import ConfigError, StoreError
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.app import build_app
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.listener import Listener
from kubeai_bot.slack.prompts import PROMPTS
from kubeai_bot.slack.transports import HttpTransport, SocketTransport
from kubeai_bot.web.health import Readiness, health_routes


@dataclass
class Inbox:
    """A store that can be made to fail, and to take its time."""

    received: list[Incoming] = field(default_factory=list)
    tries: int = 0
    failures: int = 0
    gate: asyncio.Event | None = None

    async def receive(self, incoming: Incoming) -> Receipt:
        self.tries += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failures > 0:
            self.failures -= 1
            raise StoreError("the database is away")
        repeated = any(set(known.keys) & set(incoming.keys) for known in self.received)
        if not repeated:
            self.received.append(incoming)
        return Receipt("s1", repeated=repeated)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture(params=["socket", "http"])
async def connected(
    request: pytest.FixtureRequest, workspace: Workspace, calls: PacedCalls, bot: Bot, inbox: Inbox
) -> AsyncIterator[Workspace]:
    """The workspace, with a bot listening to it over the one transport or the other."""
    if request.param == "socket":
        app = build_app(calls, bot, None, inbox.receive)
        transport = SocketTransport(app, workspace.app_token, ping_interval=0.5)
    else:
        app = build_app(calls, bot, workspace.signing_secret, inbox.receive)
        transport = HttpTransport(app, "127.0.0.1", 0)
    await transport.start()
    if isinstance(transport, HttpTransport):
        workspace.events_url = f"http://127.0.0.1:{transport.port}/slack/events"
    else:
        await until(transport.connected)
    yield workspace
    await transport.stop()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - the SDK tells nobody when it has connected
            await asyncio.sleep(0.005)


async def test_a_question_is_received_and_acked(connected: Workspace, inbox: Inbox) -> None:
    ts = await connected.say("U0MIA", "why is checkout down?")
    delivery = await connected.settle(connected.deliveries[0])
    assert delivery.acked
    assert [(incoming.text, incoming.ts) for incoming in inbox.received] == [("why is checkout down?", ts)]
    connected.assert_no_problems()


async def test_slack_is_acked_only_after_the_commit(connected: Workspace, inbox: Inbox) -> None:
    inbox.gate = asyncio.Event()
    await connected.say("U0MIA", "why?")
    await connected.wait_for(lambda _: inbox.tries, what="the listener")
    delivery = connected.deliveries[0]
    assert not delivery.acked
    inbox.gate.set()
    assert (await connected.settle(delivery)).acked
    assert len(inbox.received) == 1


async def test_an_event_that_could_not_be_received_is_not_acked_and_comes_again(
    connected: Workspace, inbox: Inbox
) -> None:
    inbox.failures = 2
    await connected.say("U0MIA", "why?")
    delivery = await connected.settle(connected.deliveries[0])
    assert delivery.acked
    assert [attempt.outcome == "acked" for attempt in delivery.attempts] == [False, False, True]
    assert len(inbox.received) == 1


async def test_an_event_that_comes_twice_is_received_once(connected: Workspace, inbox: Inbox) -> None:
    await connected.say("U0MIA", "why?")
    delivery = await connected.settle(connected.deliveries[0])
    assert delivery.event_id is not None
    connected.redeliver(delivery.event_id)
    await connected.wait_for(lambda _: len(delivery.attempts) == 2, what="the second delivery")
    assert delivery.attempts[1].outcome == "acked"
    assert len(inbox.received) == 1


async def test_a_mention_in_a_thread_comes_as_two_events_and_is_received_once(
    connected: Workspace, inbox: Inbox
) -> None:
    root = await connected.say("U0MIA", "hello", channel="C0ONCALL", mention=True)
    await connected.say("U0MIA", "and now?", channel="C0ONCALL", thread_ts=root, mention=True)
    for delivery in list(connected.deliveries):
        assert (await connected.settle(delivery)).acked
    assert [incoming.text for incoming in inbox.received] == ["hello", "and now?"]
    assert {incoming.thread.thread_ts for incoming in inbox.received} == {root}


async def test_everything_else_that_slack_sends_is_acked(connected: Workspace, inbox: Inbox) -> None:
    connected.bot_events = connected.bot_events | {"reaction_added", "app_context_changed"}
    ts = await connected.say("U0MIA", "hello")
    await connected.edit("U0MIA", "D0MIA", ts, "hello there")
    await connected.react("U0MIA", "D0MIA", ts, "eyes")
    await connected.look_at("U0MIA", [])
    await connected.rename_session("U0MIA", "D0MIA", ts, "A title")
    await connected.delete("U0MIA", "D0MIA", ts)
    for delivery in list(connected.deliveries):
        assert (await connected.settle(delivery)).acked
        assert len(delivery.attempts) == 1
    assert len(inbox.received) == 1


async def test_the_stop_button_is_received(connected: Workspace, inbox: Inbox) -> None:
    ts = await connected.say("U0MIA", "hello")
    await connected.stop("U0MIA", "D0MIA", ts)
    for delivery in list(connected.deliveries):
        assert (await connected.settle(delivery)).acked
    assert inbox.received[-1].kind == "stop"


async def test_somebody_from_another_organisation_is_told_apart(connected: Workspace, inbox: Inbox) -> None:
    await connected.say("U0EVE", "hello", channel="C0ONCALL", mention=True)
    for delivery in list(connected.deliveries):
        await connected.settle(delivery)
    assert inbox.received[0].speaker.team_id == "T0OTHER"
    assert inbox.received[0].thread.team_id == "T0SHOP"


async def test_opening_the_messages_tab_shows_what_to_ask(connected: Workspace) -> None:
    await connected.open_home("U0MIA", "messages")
    await connected.wait_for(lambda w: w.prompts("U0MIA"), what="prompts")
    assert connected.prompts("U0MIA") == list(PROMPTS)
    await connected.open_home("U0MIA", "messages")
    await connected.open_home("U0MIA", "home")
    for delivery in list(connected.deliveries):
        assert (await connected.settle(delivery)).acked
    assert len(connected.calls_of("assistant.threads.setSuggestedPrompts")) == 1
    connected.assert_no_problems()


# --- Socket Mode ---


async def test_a_refused_app_token_is_a_fault_of_the_configuration(calls: PacedCalls, bot: Bot, inbox: Inbox) -> None:
    transport = SocketTransport(build_app(calls, bot, None, inbox.receive), "xapp-wrong")
    with pytest.raises(ConfigError, match=r"SLACK_APP_TOKEN.*invalid_auth"):
        await transport.start()
    assert not await transport.connected()
    await transport.stop()


async def test_a_lost_connection_is_opened_again(
    workspace: Workspace, calls: PacedCalls, bot: Bot, inbox: Inbox
) -> None:
    transport = SocketTransport(build_app(calls, bot, None, inbox.receive), workspace.app_token, ping_interval=0.1)
    await transport.start()
    await until(transport.connected)
    await workspace.disconnect_sockets()
    await workspace.say("U0MIA", "still there?")
    await workspace.wait_for(lambda _: inbox.received, what="the event over the new connection")
    await workspace.cut_sockets()
    await workspace.say("U0MIA", "and now?")
    await workspace.wait_for(lambda _: len(inbox.received) == 2, what="the event over the third connection")
    await transport.stop()
    assert not await transport.connected()


async def test_a_slack_that_cannot_be_reached_at_the_start_is_waited_for(
    workspace: Workspace, calls: PacedCalls, bot: Bot, inbox: Inbox
) -> None:
    workspace.fault("apps.connections.open", status=503, times=2)
    transport = SocketTransport(build_app(calls, bot, None, inbox.receive), workspace.app_token, ping_interval=0.05)
    await transport.start()
    await until(transport.connected)
    await transport.stop()


async def test_socket_mode_can_answer_health_probes(
    workspace: Workspace, calls: PacedCalls, bot: Bot, inbox: Inbox
) -> None:
    listener = Listener(health_routes(Readiness({}), "1.2.3"), "127.0.0.1", 0)
    transport = SocketTransport(build_app(calls, bot, None, inbox.receive), workspace.app_token, listener)
    await transport.start()
    async with aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{listener.port}"
        async with session.get(f"{base}/healthz") as response:
            assert response.status == 200
        async with session.post(f"{base}/slack/events", data="{}") as response:
            assert response.status == 404
    await transport.stop()


# --- HTTP ---


@pytest.fixture
async def http(workspace: Workspace, calls: PacedCalls, bot: Bot, inbox: Inbox) -> AsyncIterator[HttpTransport]:
    app = build_app(calls, bot, workspace.signing_secret, inbox.receive)
    transport = HttpTransport(app, "127.0.0.1", 0, health_routes(Readiness({}), "1.2.3"))
    await transport.start()
    yield transport
    await transport.stop()


def signed(body: bytes, secret: str, timestamp: int | None = None) -> dict[str, str]:
    at = str(timestamp or int(time.time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=body)
    return {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": signature or "",
    }


async def post(transport: HttpTransport, body: bytes | io.BytesIO, headers: dict[str, str]) -> tuple[int, str]:
    url = f"http://127.0.0.1:{transport.port}/slack/events"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        return response.status, await response.text()


def event_body(text: str = "why?") -> bytes:
    event = {"type": "message", "channel_type": "im", "user": "U0MIA", "channel": "D0MIA", "ts": "1.1", "text": text}
    return json.dumps({"type": "event_callback", "team_id": "T0SHOP", "event_id": "Ev9", "event": event}).encode()


async def test_slack_can_verify_the_url(workspace: Workspace, http: HttpTransport) -> None:
    workspace.events_url = f"http://127.0.0.1:{http.port}/slack/events"
    assert await workspace.verify_events_url()


async def test_forged_old_and_broken_requests_are_turned_away_unread_and_unlogged(
    workspace: Workspace,
    http: HttpTransport,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG", logger="")
    body = event_body("something private")
    secret = workspace.signing_secret
    right = signed(body, secret)
    assert (await post(http, body, signed(body, "wrong" * 8)))[0] == 401
    assert (await post(http, body, signed(body, secret, int(time.time()) - 600)))[0] == 401
    assert (await post(http, body + b" ", right))[0] == 401
    assert (await post(http, body, {**right, "X-Slack-Request-Timestamp": "soon"}))[0] == 401
    assert (await post(http, body, {"Content-Type": "application/json"}))[0] == 401
    assert (await post(http, b"\xff\xfe", signed(b"\xff\xfe".decode("latin-1").encode(), secret)))[0] == 400
    assert (await post(http, b"{not json", signed(b"{not json", secret)))[0] == 400
    assert (await post(http, io.BytesIO(b"x" * 2_000_000), right))[0] == 413
    assert inbox.tries == 0
    assert "something private" not in caplog.text
    assert "something private" not in "".join(capsys.readouterr())
    assert (await post(http, body, right))[0] == 200
    assert inbox.received[0].text == "something private"


async def test_a_click_on_a_link_button_is_acked(workspace: Workspace, http: HttpTransport) -> None:
    click = {
        "type": "block_actions",
        "user": {"id": "U0MIA"},
        "team": {"id": "T0SHOP"},
        "actions": [{"action_id": "x"}],
    }
    body = urlencode({"payload": json.dumps(click)}).encode()
    headers = {**signed(body, workspace.signing_secret), "Content-Type": "application/x-www-form-urlencoded"}
    assert (await post(http, body, headers))[0] == 200


async def test_without_a_signing_secret_no_http_request_is_believed(
    calls: PacedCalls, bot: Bot, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "from the environment")
    transport = HttpTransport(build_app(calls, bot, None, inbox.receive), "127.0.0.1", 0)
    await transport.start()
    body = event_body()
    assert (await post(transport, body, signed(body, "from the environment")))[0] == 401
    await transport.stop()


async def test_an_address_in_use_is_a_fault_of_the_configuration(http: HttpTransport) -> None:
    with pytest.raises(ConfigError, match="LISTEN_ADDRESS"):
        await Listener([], "127.0.0.1", http.port).start()


async def test_the_message_of_a_person_is_not_in_the_log_at_info(workspace: Workspace, http: HttpTransport) -> None:
    body = event_body("something private")
    with capture_logs() as lines:
        await post(http, body, signed(body, workspace.signing_secret))
    said = [line for line in lines if line["log_level"] != "debug"]
    assert "event received" in [line["event"] for line in said]
    assert "something private" not in str(said)
