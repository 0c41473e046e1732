"""From a Slack event to the posted answer, over both transports, with everything real but the edges."""

import asyncio

import pytest

from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.model.replies import OVERFLOW, Call, Cut, Fail, Pause, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import WorldOptions
from tests.scenario.stories import EVE, GIL, MIA, OMAR, ONCALL, SAM, finals, story, turn_ids

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(params=[False, True], ids=["socket mode", "signed http"])
def http(request: pytest.FixtureRequest) -> bool:
    return request.param


async def test_a_question_is_answered_with_evidence_under_the_askers_identity(http: bool) -> None:
    async with story(WorldOptions(http=http)) as it:
        thread = await it.ask(MIA, "What is unhealthy in shop right now?")
        text = it.read("D0MIA", thread)
        crashing = next(f for f in it.world.scenario.faults if f.kind == "crash-loop" and f.namespace == "shop")
        assert crashing.workload in text
        people = {
            (r.impersonated_user, tuple(r.impersonated_groups))
            for r in it.world.cluster.requests
            if r.impersonated_user
        }
        assert people == {("mia@shop.example", ("shop-developers",))}


async def test_while_it_works_a_plan_card_shows_each_look_and_at_the_end_none_is_left_running() -> None:
    gate = Pause(asyncio.Event())
    looks = [Call("list_resources", {"kind": "pods", "namespace": "shop"}), Call("no_such_tool", {})]
    model = ScriptedModel([looks, [Say("Let me see. "), gate, Say("Done.")]])
    async with story(WorldOptions(model=model)) as it:
        thread = await it.world.workspace.say(MIA, "look")

        def cards() -> dict[str, str]:
            shown = [m for m in it.world.workspace.messages("D0MIA", thread) if m.streaming]
            return {card.title: card.status for message in shown for card in message.tasks.values()}

        await it.world.workspace.wait_for(
            lambda _: "complete" in cards().values(), what="a finished card in a live plan"
        )
        assert cards()["List pods in shop"] == "complete"
        assert "error" in cards().values()
        gate.until.set()
        await it.answers("D0MIA", thread)
        assert "Done." in it.read("D0MIA", thread)


async def test_two_people_ask_the_same_and_see_what_each_may_see() -> None:
    async with story() as it:
        mias = await it.ask(MIA, "What is unhealthy right now?")
        omars = await it.ask(OMAR, "What is unhealthy right now?")
        payments = [f.workload for f in it.world.scenario.faults if f.namespace == "payments"]
        assert payments
        assert not any(workload in it.read("D0MIA", mias) for workload in payments)
        assert all(workload in it.read("D0OMAR", omars) for workload in payments)


async def test_in_one_thread_each_message_acts_as_its_own_sender(http: bool) -> None:
    async with story(WorldOptions(http=http)) as it:
        thread = await it.ask(MIA, "Who am I?", channel=ONCALL, mention=True)
        await it.ask(OMAR, "And who am I?", channel=ONCALL, thread_ts=thread)
        await it.ask(MIA, "Who am I?", channel=ONCALL, thread_ts=thread)
        reviews = [r.impersonated_user for r in it.world.cluster.requests if r.path.endswith("/selfsubjectreviews")]
        assert reviews == ["mia@shop.example", "omar@shop.example", "mia@shop.example"]


@pytest.mark.parametrize(
    ("who", "words"),
    [(SAM, "mapped"), (GIL, "guests"), (EVE, "another one")],
    ids=["unmapped", "guest", "other organisation"],
)
async def test_people_who_are_refused_are_told_why_and_nothing_is_asked_for_them(who: str, words: str) -> None:
    async with story() as it:
        before = len(it.world.cluster.requests)
        thread = await it.ask(who, "Show me all pods")
        assert words in it.read(f"D{who[1:]}", thread)
        assert "Ask #platform" in it.read(f"D{who[1:]}", thread)
        assert len(it.world.cluster.requests) == before
        assert it.world.model.requests == []


async def test_a_thread_that_is_not_the_bots_stays_silent_until_it_is_mentioned() -> None:
    model = ScriptedModel([Say("Here I am.")])
    async with story(WorldOptions(model=model)) as it:
        workspace = it.world.workspace
        root = await workspace.say(MIA, "lunch?", channel=ONCALL)
        await workspace.say(OMAR, "yes", channel=ONCALL, thread_ts=root)
        await it.ask(OMAR, "you there?", channel=ONCALL, thread_ts=root, mention=True)
        assert len(finals(it.world, ONCALL, root)) == 1
        assert len(model.requests) == 1


async def test_the_stop_button_ends_the_turn_and_frees_the_model(http: bool) -> None:
    gate = Pause(asyncio.Event())
    model = ScriptedModel([[Say("Let me think about this. "), gate]])
    async with story(WorldOptions(model=model, http=http)) as it:
        thread = await it.world.workspace.say(MIA, "think")
        await asyncio.wait_for(gate.reached.wait(), 10)
        await it.world.workspace.stop(MIA, "D0MIA", thread)
        await it.answers("D0MIA", thread)
        assert "Stopped" in it.read("D0MIA", thread)
        await asyncio.wait_for(model.hung_up.wait(), 10)


async def test_the_word_stop_does_the_same_and_says_what_was_changed() -> None:
    gate = Pause(asyncio.Event())
    scale = Call("scale", {"kind": "deployment", "namespace": "shop", "name": "frontend", "replicas": 4})
    model = ScriptedModel([scale, [Say("Now "), gate]])
    async with story(WorldOptions(model=model, mode=Mode.AUTO)) as it:
        thread = await it.world.workspace.say(OMAR, "scale the frontend to 4")
        await asyncio.wait_for(gate.reached.wait(), 10)
        await it.world.workspace.say(OMAR, "stop", thread_ts=thread)
        await it.answers("D0OMAR", thread)
        assert "Changed before that" in it.read("D0OMAR", thread)


async def test_a_change_is_refused_when_changes_are_off_and_the_command_is_given() -> None:
    async with story() as it:
        frontend = it.world.cluster.find("apps", "deployments", "shop", "frontend")
        assert frontend is not None
        before = frontend["spec"]["replicas"]
        thread = await it.ask(OMAR, "Scale deployment frontend in shop to 5")
        frontend = it.world.cluster.find("apps", "deployments", "shop", "frontend")
        assert frontend is not None
        assert frontend["spec"]["replicas"] == before
        assert "kubectl" in it.read("D0OMAR", thread)


async def test_in_auto_mode_a_change_happens_with_the_askers_rights_only() -> None:
    async with story(WorldOptions(mode=Mode.AUTO)) as it:
        await it.ask(OMAR, "Scale deployment frontend in shop to 5")
        thread = await it.ask(MIA, "Scale deployment frontend in shop to 9")
        frontend = it.world.cluster.find("apps", "deployments", "shop", "frontend")
        assert frontend is not None
        assert frontend["spec"]["replicas"] == 5
        assert "deployments/scale" in it.read("D0MIA", thread), "the missing right is named"


async def test_secrets_are_refused_also_to_a_cluster_admin_and_no_request_is_sent() -> None:
    wishes = [
        Call("get_resource", {"kind": "secret", "namespace": "shop", "name": "anything"}),
        Call("list_resources", {"kind": "v1 Secret", "all_namespaces": True}),
        Call("describe_resource", {"kind": "secrets", "namespace": "shop", "name": "x"}),
    ]
    model = ScriptedModel([wishes, Say("I may not.")])
    async with story(
        WorldOptions(model=model),
        CONFIG_FILE="",
        AUTH_METHOD="",
        SHARED_USER="root@shop.example",
        SHARED_GROUPS="shop-admins",
    ) as it:
        await it.ask(MIA, "show me the secrets")
        assert not [r for r in it.world.cluster.requests if "secrets" in r.path]
        results = [m["content"] for m in model.requests[-1]["messages"] if m["role"] == "tool"]
        assert len(results) == 3
        assert any("off limits" in result for result in results)


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ([Fail(429, retry_after=0), Say("Second try.")], "Second try."),
        ([Cut("Half an ans"), Say("A whole answer.")], "A whole answer."),
        ([Fail(401)], "refused the request"),
        ([Say(""), Say("")], "empty answer"),
        ([OVERFLOW] * 6, "no longer fits"),
        ([Call("list_resources", "{not json"), Say("Sorry.")], "Sorry."),
        ([Call("no_such_tool", {}), Say("Sorry.")], "Sorry."),
    ],
    ids=["rate limit", "cut stream", "bad key", "empty", "overflow", "bad arguments", "unknown tool"],
)
async def test_whatever_the_model_does_the_person_gets_an_answer(replies: list[object], words: str) -> None:
    async with story(WorldOptions(model=ScriptedModel(replies))) as it:
        thread = await it.ask(MIA, "hello")
        text = it.read("D0MIA", thread)
        assert words in text
        assert "Half an ans" not in text


async def test_text_of_the_model_cannot_ping_anybody_or_disguise_a_link() -> None:
    poison = "Hi <!channel> <@U0OMAR> <#C0ONCALL> <!subteam^S1> <https://evil.example|https://good.example> `<!here>`"
    async with story(WorldOptions(model=ScriptedModel([Say(poison)]))) as it:
        await it.ask(MIA, "hello")
        sent = [call for call in it.world.workspace.calls if call.method.startswith("chat.")]
        for call in sent:
            body = str(call.arguments)
            for sequence in (
                "<!channel>",
                "<@U0OMAR>",
                "<#C0ONCALL>",
                "<!subteam",
                "<!here>",
                "<https://evil.example|",
            ):
                assert sequence not in body


async def test_a_long_answer_arrives_whole_as_a_file() -> None:
    lines = "\n".join(f"line {number} of a long report, with some words in it" for number in range(2_000))
    async with story(WorldOptions(model=ScriptedModel([Say(f"```\n{lines}\n```")]))) as it:
        await it.ask(MIA, "everything please")
        [file] = it.world.workspace.files.values()
        assert "line 1999 of" in file.content.decode()


async def test_an_event_is_acked_only_after_it_is_on_record_and_a_repeat_runs_once(http: bool) -> None:
    model = ScriptedModel([Say("Once.")])
    async with story(WorldOptions(model=model, http=http)) as it:
        thread = await it.ask(MIA, "hello")
        event = next(d for d in it.world.workspace.deliveries if d.event_id)
        it.world.workspace.redeliver(event.event_id)
        await it.ask(MIA, "help", thread_ts=thread)
        assert len(finals(it.world, "D0MIA", thread)) == 2
        assert len(model.requests) == 1


async def test_slack_losing_its_answers_doubles_nothing() -> None:
    for method in ("chat.startStream", "chat.appendStream", "chat.stopStream"):
        async with story(WorldOptions(model=ScriptedModel([Call("whoami"), Say("Only once.")]))) as it:
            it.world.workspace.fault(method, drop_response=True)
            thread = await it.ask(MIA, "hello")
            shown = [m for m in it.world.workspace.messages("D0MIA", thread) if m.bot_id and not m.deleted]
            assert len(shown) == 1, (method, it.read("D0MIA", thread))
            assert it.read("D0MIA", thread).count("Only once.") == 1
            assert len(set(turn_ids(it.world, "D0MIA", thread))) == 1


@pytest.mark.parametrize("error", ["unknown_method", "feature_not_enabled", "channel_type_not_supported"])
async def test_where_slack_cannot_stream_the_answer_is_posted_and_edited(error: str) -> None:
    async with story(WorldOptions(model=ScriptedModel([Call("whoami"), Say("Plain.")]))) as it:
        it.world.workspace.fault("chat.startStream", error=error, times=99)
        thread = await it.ask(MIA, "hello")
        assert "Plain." in it.read("D0MIA", thread)


async def test_a_stream_that_slack_ended_is_repaired() -> None:
    async with story(WorldOptions(model=ScriptedModel([Call("whoami"), Say("Whole answer.")]))) as it:
        it.world.workspace.fault("chat.stopStream", error="message_not_in_streaming_state", times=1)
        thread = await it.ask(MIA, "hello")
        assert "Whole answer." in it.read("D0MIA", thread)


async def test_help_says_what_it_can_do_and_changes_nothing() -> None:
    async with story() as it:
        thread = await it.ask(MIA, "help")
        assert "permissions" in it.read("D0MIA", thread)
        assert it.world.model.requests == []
