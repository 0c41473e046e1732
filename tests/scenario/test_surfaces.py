"""The bot's other surfaces in the whole world: Home tab, slash command, shortcuts, feedback, and words in a thread."""

import pytest

from kubeai_bot.playground.model.replies import Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.workspace.people import Channel
from kubeai_bot.playground.world import WorldOptions
from tests.scenario.stories import GIL, MIA, OMAR, ONCALL, SAM, Story, finals, story

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(params=[False, True], ids=["socket mode", "signed http"])
def http(request: pytest.FixtureRequest) -> bool:
    return request.param


async def answered(it: Story, channel: str) -> str:
    """Wait for the one answer in a channel, in the thread that the bot opened; its thread."""
    root = await it.world.workspace.wait_for(
        lambda w: next((message for message in w.messages(channel) if message.bot_id), None), what="the question"
    )
    await it.answers(channel, root.thread)
    return root.thread


async def home(it: Story, user: str, words: str) -> str:
    """Open the Home tab until it says `words`; all of it."""
    await it.world.workspace.open_home(user)
    return await home_says(it, user, words)


async def home_says(it: Story, user: str, words: str) -> str:
    def read() -> str:
        view = it.world.workspace.home(user)
        return str(view.view["blocks"]) if view is not None else ""

    await it.world.workspace.wait_for(lambda _: words in read(), timeout=30, what=f"{words!r} in the home tab")
    return read()


async def whisper(it: Story, user: str, words: str) -> None:
    def said() -> bool:
        workspace = it.world.workspace
        every = [message for channel in workspace.channels for message in workspace.messages(channel)]
        return any(message.ephemeral_to == user and words in str(message.blocks) for message in every)

    await it.world.workspace.wait_for(lambda _: said(), timeout=30, what=f"{words!r} for {user} alone")


async def test_a_slash_command_in_a_channel_is_answered_in_a_thread_of_its_own(http: bool) -> None:
    async with story(WorldOptions(http=http)) as it:
        delivery = await it.world.workspace.command(OMAR, "/kubeai", "Who am I?", channel=ONCALL)
        assert delivery.acked
        thread = await answered(it, ONCALL)
        assert "@Omar asks:" in it.read(ONCALL, thread)
        assert len(finals(it.world, ONCALL, thread)) == 1
        people = {r.impersonated_user for r in it.world.cluster.requests if r.impersonated_user}
        assert people == {"omar@shop.example"}
        await it.ask(MIA, "And who am I?", channel=ONCALL, thread_ts=thread)
        assert len(finals(it.world, ONCALL, thread)) == 2


@pytest.mark.parametrize(("who", "words"), [(SAM, "mapped"), (GIL, "guests")])
async def test_people_who_are_refused_are_told_so_on_every_surface(who: str, words: str) -> None:
    async with story() as it:
        workspace = it.world.workspace
        await workspace.command(who, "/kubeai", "show me all pods")
        thread = await answered(it, f"D{who[1:]}")
        assert words in it.read(f"D{who[1:]}", thread)
        await workspace.command(who, "/kubeai", "whoami")
        await whisper(it, who, words)
        assert "What is unhealthy right now?" not in await home(it, who, words)
        assert it.world.model.requests == []


async def test_an_alert_is_investigated_in_its_thread_with_the_rights_of_who_asked(http: bool) -> None:
    async with story(WorldOptions(http=http)) as it:
        workspace = it.world.workspace
        ts = await workspace.say(OMAR, "checkout is crash-looping in shop", channel=ONCALL)
        alert = workspace.messages(ONCALL, ts)[0]
        assert (await workspace.shortcut(MIA, "investigate_message", message=alert)).acked
        await it.answers(ONCALL, ts)
        assert "asked me to look into this message" in it.read(ONCALL, ts)
        asked = it.world.model.requests[0]["messages"][-1]["content"]
        assert "> checkout is crash-looping in shop" in asked
        assert {r.impersonated_user for r in it.world.cluster.requests if r.impersonated_user} == {"mia@shop.example"}


async def test_where_the_bot_is_no_member_a_shortcut_says_what_to_do() -> None:
    async with story() as it:
        workspace = it.world.workspace
        workspace.add_channel(Channel("C0SECRET", "secret", {MIA}))
        ts = await workspace.say(MIA, "down", channel="C0SECRET")
        await workspace.shortcut(MIA, "investigate_message", message=workspace.messages("C0SECRET", ts)[0])
        await whisper(it, MIA, "/invite")
        assert it.world.model.requests == []


async def test_a_conversation_is_found_and_forgotten_in_the_home_tab(http: bool) -> None:
    async with story(WorldOptions(http=http, model=ScriptedModel([Say("Fine.")]))) as it:
        await it.ask(MIA, "how is the shop?")
        assert "mia@shop.example (shop-developers)" in await home(it, MIA, "how is the shop?")
        await home(it, OMAR, "Nothing yet")
        await it.world.workspace.click(MIA, "forget_session", view=it.world.workspace.home(MIA))
        await home_says(it, MIA, "Nothing yet")
        await it.world.workspace.click(MIA, "stored_about_me", view=it.world.workspace.home(MIA))
        await it.world.workspace.wait_for(
            lambda w: w._state.modals.get(MIA) and "I store nothing about you." in str(w.modal(MIA).view),
            what="an empty account",
        )


async def test_an_example_in_the_home_tab_is_answered_in_the_direct_message() -> None:
    async with story() as it:
        await home(it, MIA, "What is unhealthy right now?")
        await it.world.workspace.click(MIA, "ask_prompt:0")
        thread = await answered(it, "D0MIA")
        crashing = next(f for f in it.world.scenario.faults if f.kind == "crash-loop" and f.namespace == "shop")
        assert crashing.workload in it.read("D0MIA", thread)


async def test_the_form_of_the_global_shortcut_asks_in_the_direct_message() -> None:
    async with story(WorldOptions(model=ScriptedModel([Say("Fine.")]))) as it:
        await it.world.workspace.shortcut(MIA, "ask_cluster")
        await it.world.workspace.wait_for(lambda w: w._state.modals.get(MIA), what="the form")
        await it.world.workspace.submit(MIA, {"question_text": "how is the shop?"})
        assert "Fine." in it.read("D0MIA", await answered(it, "D0MIA"))


async def test_thumbs_go_on_record_with_their_reason(http: bool) -> None:
    async with story(WorldOptions(http=http, model=ScriptedModel([Say("Fine.")]))) as it:
        workspace = it.world.workspace
        thread = await it.ask(MIA, "how is the shop?")
        await workspace.click(MIA, "feedback", choose="negative")
        await workspace.wait_for(lambda w: w._state.modals.get(MIA), what="the form")
        await workspace.submit(MIA, {"reason_text": "It is on fire."})
        await whisper(it, MIA, "Thank you")
        page = await it.bot.store.list(of_user=MIA)
        (feedback,) = (await it.bot.store.dump(page.sessions[0].id)).feedback
        assert (feedback.kind, feedback.reason, feedback.user_id) == ("negative", "It is on fire.", MIA)
        assert len(finals(it.world, "D0MIA", thread)) == 1


async def test_words_in_a_thread_are_answered_without_the_model(http: bool) -> None:
    async with story(WorldOptions(http=http, model=ScriptedModel([Say("Fine.")]))) as it:
        thread = await it.ask(MIA, "how is the shop?")
        for word in ("status", "What do you store about me?", "help", "Forget this thread!"):
            await it.ask(MIA, word, thread_ts=thread)
        assert len(it.world.model.requests) == 1
        assert (await it.bot.store.list(of_user=MIA)).sessions == ()
