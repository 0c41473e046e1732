"""How envelopes reach the app: acks, redelivery, reconnects, several replicas, signatures."""

from __future__ import annotations

import json

import aiohttp
import pytest
from aiohttp import web

from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.workspace.sockets import MAX_CONNECTIONS

SOON = (0.3, 0.3, 0.3)
"""Long enough for a busy machine to answer, short enough for a test."""


async def test_an_event_that_nobody_listens_to_comes_again_three_times_over_socket_mode(bots):
    async with Workspace(redelivery_delays=(0.05, 0.05, 0.05)) as workspace:
        bot = await bots.socket(workspace)
        await workspace.say("U0MIA", "anybody?")
        delivery = await workspace.settle(workspace.deliveries[0])
        await bot.seen(4)
        assert delivery.status == "unacked"
        assert [attempt.number for attempt in delivery.attempts] == [0, 1, 2, 3]
        assert {attempt.outcome for attempt in delivery.attempts} == {"timeout"}
        assert len({body["event_id"] for body in bot.bodies}) == 1
        assert [headers.get("x-slack-retry-num") for headers in bot.headers] == ["0", "1", "2", "3"]
        assert [headers.get("x-slack-retry-reason") for headers in bot.headers[1:]] == ["timeout"] * 3


async def test_an_event_that_nobody_listens_to_comes_again_three_times_over_http(bots):
    async with Workspace(redelivery_delays=SOON) as workspace:
        bot, workspace.events_url = await bots.http(workspace)
        await workspace.say("U0MIA", "anybody?")
        delivery = await workspace.settle(workspace.deliveries[0])
        assert delivery.status == "unacked"
        assert {(attempt.outcome, attempt.status) for attempt in delivery.attempts} == {("http_error", 404)}
        assert [headers.get("x-slack-retry-num") for headers in bot.headers] == [None, "1", "2", "3"]
        assert [headers.get("x-slack-retry-reason") for headers in bot.headers[1:]] == ["http_error"] * 3


async def test_a_first_failure_is_made_good_by_the_second_try(bots):
    async with Workspace(redelivery_delays=SOON) as workspace:
        seen = []

        async def flaky(request: web.Request) -> web.Response:
            seen.append(request.headers.get("X-Slack-Retry-Num"))
            return web.Response(status=500 if len(seen) == 1 else 200)

        application = web.Application()
        application.router.add_post("/slack/events", flaky)
        workspace.events_url = await bots.serve(application)
        await workspace.say("U0MIA", "hello")
        delivery = await workspace.settle(workspace.deliveries[0])
        assert delivery.acked
        assert seen == [None, "1"]
        assert [attempt.outcome for attempt in delivery.attempts] == ["http_error", "acked"]


async def test_a_slow_answer_is_a_timeout(bots):
    async with Workspace(redelivery_delays=(0.05, 0.05, 0.05)) as workspace:

        async def slow(_: web.Request) -> web.Response:
            await workspace.wait_for(lambda w: w.deliveries[0].status == "unacked", what="giving up")
            return web.Response()

        application = web.Application()
        application.router.add_post("/slack/events", slow)
        workspace.events_url = await bots.serve(application)
        await workspace.say("U0MIA", "hello")
        delivery = await workspace.settle(workspace.deliveries[0])
        assert [attempt.outcome for attempt in delivery.attempts] == ["timeout"] * 4


async def test_a_dead_server_is_a_failed_connection(workspace):
    workspace.events_url = "http://127.0.0.1:9/slack/events"
    await workspace.say("U0MIA", "hello")
    attempts = await workspace.wait_for(lambda w: w.deliveries[0].attempts, what="an attempt")
    assert attempts[0].outcome == "connection_failed"


async def test_the_reason_of_a_retry_tells_a_timeout_from_a_bad_answer(bots):
    async with Workspace(redelivery_delays=SOON) as workspace:
        reasons = []

        async def late(request: web.Request) -> web.Response:
            reasons.append(request.headers.get("X-Slack-Retry-Reason"))
            if len(reasons) == 1:
                await workspace.wait_for(lambda _: len(reasons) == 2, what="the second try")
            return web.Response(status=500 if len(reasons) == 2 else 200)

        application = web.Application()
        application.router.add_post("/slack/events", late)
        workspace.events_url = await bots.serve(application)
        await workspace.say("U0MIA", "hello")
        await workspace.settle(workspace.deliveries[0])
        assert reasons == [None, "http_timeout", "http_error"]


async def test_an_app_can_ask_not_to_be_asked_again(bots):
    async with Workspace() as workspace:

        async def refuse(_: web.Request) -> web.Response:
            return web.Response(status=503, headers={"X-Slack-No-Retry": "1"})

        application = web.Application()
        application.router.add_post("/slack/events", refuse)
        workspace.events_url = await bots.serve(application)
        await workspace.say("U0MIA", "hello")
        delivery = await workspace.settle(workspace.deliveries[0])
        assert delivery.status == "unacked"
        assert [attempt.outcome for attempt in delivery.attempts] == ["no_retry"]


async def test_a_wrong_signing_secret_is_refused_by_bolt(bots):
    async with Workspace() as ours, Workspace() as other:
        bot, url = await bots.http(ours)
        bot.listen("message")
        other.events_url = url
        await other.say("U0MIA", "trust me")
        attempts = await other.wait_for(lambda w: w.deliveries[0].attempts, what="an attempt")
        assert (attempts[0].outcome, attempts[0].status) == ("http_error", 401)
        assert bot.bodies == []


async def test_an_event_is_delivered_again_on_purpose_with_the_same_id(workspace, bot):
    bot.listen("message")
    await workspace.say("U0MIA", "once")
    delivery = await workspace.settle(workspace.deliveries[0])
    workspace.redeliver(delivery.event_id)
    await workspace.wait_for(lambda _: len(delivery.attempts) == 2, what="the second delivery")
    assert [body["event_id"] for body in bot.bodies] == [delivery.event_id] * 2
    assert bot.headers[1]["x-slack-retry-num"] == "1"
    assert bot.headers[1]["x-slack-retry-reason"] == "timeout"
    with pytest.raises(LookupError):
        workspace.redeliver("Ev0NONE")


async def test_an_app_reconnects_when_asked_and_misses_nothing(workspace, bots):
    bot = await bots.socket(workspace)
    bot.listen("message")
    await workspace.disconnect_sockets("refresh_requested")
    await workspace.say("U0MIA", "still there?")
    delivery = await workspace.settle(workspace.deliveries[0])
    assert delivery.acked
    assert delivery.attempts[-1].replica == "2"
    assert len(workspace.calls_of("apps.connections.open")) == 2


async def test_an_app_comes_back_after_its_socket_was_cut(workspace, bots):
    bot = await bots.socket(workspace)
    bot.listen("message")
    await workspace.cut_sockets()
    await workspace.say("U0MIA", "still there?")
    assert (await workspace.settle(workspace.deliveries[0])).acked


async def test_each_envelope_goes_to_one_of_several_sockets_at_random(workspace, bots):
    first, second = await bots.socket(workspace), await bots.socket(workspace)
    first.listen("message")
    second.listen("message")
    for number in range(40):
        await workspace.say("U0MIA", str(number))
    for delivery in workspace.deliveries:
        await workspace.settle(delivery)
    assert len(first.bodies) + len(second.bodies) == 40
    assert first.bodies  # both empty or full would need 40 equal draws of two: one in 2**39
    assert second.bodies
    assert {attempt.replica for d in workspace.deliveries for attempt in d.attempts} == {"1", "2"}


async def test_several_http_replicas_share_the_deliveries(workspace, bots):
    (first, url), (second, other) = await bots.http(workspace), await bots.http(workspace)
    first.listen("message")
    second.listen("message")
    workspace.events_url = [url, other]
    for number in range(40):
        await workspace.say("U0MIA", str(number))
    for delivery in workspace.deliveries:
        await workspace.settle(delivery)
    assert len(first.bodies) + len(second.bodies) == 40
    assert first.bodies
    assert second.bodies


async def test_the_request_url_is_verified_with_a_challenge(workspace, bots):
    with pytest.raises(RuntimeError):
        await workspace.verify_events_url()
    _, workspace.events_url = await bots.http(workspace)
    assert await workspace.verify_events_url()

    async def deaf(_: web.Request) -> web.Response:
        return web.Response()

    application = web.Application()
    application.router.add_post("/slack/events", deaf)
    workspace.events_url = await bots.serve(application)
    assert not await workspace.verify_events_url()


async def test_without_a_socket_an_event_waits_for_one(workspace, bots):
    await workspace.say("U0MIA", "anybody home?")
    assert workspace.deliveries[0].status == "sending"
    bot = await bots.build(workspace)
    bot.listen("message")
    await bots.connect(bot, workspace)
    assert (await workspace.settle(workspace.deliveries[0])).acked


async def test_the_address_of_a_socket_works_once(workspace, client):
    answer = await client.apps_connections_open(app_token=workspace.app_token)
    session = client.session
    async with session.ws_connect(answer["url"]) as socket:
        hello = await socket.receive_json()
        assert hello["type"] == "hello"
        assert hello["connection_info"] == {"app_id": "A0KUBEAI"}
        assert hello["num_connections"] == 1
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(answer["url"])


async def test_an_app_has_at_most_ten_sockets(workspace, client):
    sockets = []
    for _ in range(MAX_CONNECTIONS + 1):
        url = (await client.apps_connections_open(app_token=workspace.app_token))["url"]
        sockets.append(await client.session.ws_connect(url))
    greetings = [await socket.receive_json() for socket in sockets]
    assert [greeting["type"] for greeting in greetings] == ["hello"] * MAX_CONNECTIONS + ["disconnect"]
    assert greetings[-1]["reason"] == "too_many_websockets"
    for socket in sockets:
        await socket.close()


async def test_acks_that_slack_would_not_understand_are_problems(workspace, client):
    url = (await client.apps_connections_open(app_token=workspace.app_token))["url"]
    async with client.session.ws_connect(url) as socket:
        await socket.receive_json()
        await socket.send_str("not json")
        await socket.send_str(json.dumps({"envelope_id": "nobody"}))
        await socket.send_str("[]")
        await workspace.wait_for(lambda w: len(w.problems) == 3, what="three problems")
