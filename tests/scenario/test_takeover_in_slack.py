"""The bot dies between any two steps; another one finishes, counted where it matters: in Slack and in the cluster."""

import asyncio
import time

import pytest

from kubeai_bot.domain.policy import Mode
from kubeai_bot.domain.session import AgentState, ThreadRef
from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.replies import Call, Reply, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import World, WorldOptions, open_world
from kubeai_bot.stores.memory import MemoryStore
from tests.scenario.mortal_store import Death, MortalStore
from tests.scenario.stories import OMAR, finals, turn_ids

MOST_STEPS = 40
TERM = 61.0
SCALE = {"kind": "deployment", "namespace": "shop", "name": "frontend", "replicas": 5}


class Clock:
    """Real time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def looks_changes_answers(conversation: Conversation) -> Reply:
    """A model whose next words follow from the transcript alone, whichever process asks."""
    made = [made.tool for made in conversation.now.made]
    if not made:
        return [Say("Let me look."), Call("list_resources", {"kind": "pods", "namespace": "shop"}), Call("whoami")]
    if "scale" not in made:
        return Call("scale", SCALE)
    return Say("That is the whole answer.")


async def _die(world: World, store: MemoryStore, death: Death) -> tuple[bool, str]:
    """Ask, and let the bot work until it dies or is done; whether it died, and the thread."""
    async with world.bot(MortalStore(store, death)):
        thread = await world.workspace.say(OMAR, "scale the frontend to 5")
        dead = asyncio.create_task(death.dead.wait())
        done = asyncio.create_task(_closed(store, thread))
        await asyncio.wait({dead, done}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        died = death.dead.is_set()
        death.dead.set()
        for task in (dead, done):
            task.cancel()
        await asyncio.gather(dead, done, return_exceptions=True)
        death.buried.set()
    return died, thread


async def _closed(store: MemoryStore, thread: str) -> None:
    async with asyncio.timeout(30):
        while True:
            session = await store.find(ThreadRef("T0SHOP", "D0OMAR", thread))
            if session is not None and session.agent_state is AgentState.DONE and session.turn is None:
                return
            await asyncio.sleep(0.01)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("after_effect", [False, True], ids=["before each step", "after each step"])
async def test_a_bot_that_dies_at_any_step_leaves_one_answer_and_at_most_one_change(after_effect: bool) -> None:
    died_at: list[int] = []
    for step in range(1, MOST_STEPS):
        model = ScriptedModel(looks_changes_answers)
        async with open_world(WorldOptions(mode=Mode.AUTO, model=model)) as world:
            clock = Clock()
            store = MemoryStore(clock=clock)
            died, thread = await _die(world, store, Death(step, after_effect))
            if await store.find(ThreadRef("T0SHOP", "D0OMAR", thread)) is None:
                assert step == 1, "only an event that was never on record may be lost: Slack delivers it again"
                died_at.append(step)
                continue
            clock.ahead += TERM
            async with world.bot(store):
                await world.workspace.wait_for(
                    lambda _, world=world, thread=thread: finals(world, "D0OMAR", thread),
                    timeout=30,
                    what=f"the heir's answer (step {step})",
                )
                await _closed(store, thread)
            where = f"died at step {step}\n{world.workspace.rendered('D0OMAR', thread)}"
            assert len(set(turn_ids(world, "D0OMAR", thread))) == 1, where
            shown = [m for m in world.workspace.messages("D0OMAR", thread) if m.bot_id and not m.deleted]
            assert len(shown) == 1, where
            assert world.workspace.rendered("D0OMAR", thread).count("That is the whole answer.") == 1, where
            sent = [r for r in world.cluster.requests if r.method in ("PUT", "PATCH", "POST") and "/scale" in r.path]
            changes = [request for request in sent if "dryRun" not in request.query]
            assert len(changes) <= 1, where
            assert not [m for m in shown if m.streaming], where
            world.workspace.assert_no_problems()
        if not died:
            break
        died_at.append(step)
    else:
        pytest.fail("the turn has more steps than this test kills it at")
    assert len(died_at) > 10, died_at
