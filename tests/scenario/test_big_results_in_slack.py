"""A result that is too large for the model, from the question to the modal that shows all of it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kubeai_bot.playground.cluster.logs import ContainerLog, LogLine
from kubeai_bot.playground.cluster.objects import now
from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.replies import Call, Reply, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import World, WorldOptions
from kubeai_bot.slack.outputs import NOT_YOURS
from kubeai_bot.slack.paging import SEARCH_INPUT
from tests.scenario.stories import MIA, OMAR, ONCALL, Story, finals, story
from tests.slack.approvals import words

OLD_LINE = "the pool was exhausted for the first time"
SECRET = "AKIAQ3EGRT5KXVZ2YLNB"
_HANDLE = re.compile(r"kept as (r-[0-9a-f]{8})")


def looking_for(needle: str, calls: Sequence[Call]) -> Callable[[Conversation], Reply]:
    """Makes the first call, searches what was kept of its result for `needle`, and says what it found."""

    def play(talk: Conversation) -> Reply:
        if not talk.results:
            return calls[0]
        if len(talk.results) == 1:
            handle = _HANDLE.search(talk.results[0])
            return Call("read_result", {"handle": handle[1], "search": needle}) if handle else Say("Nothing was kept.")
        return Say(f"Found: {talk.results[1]}")

    return play


def results(world: World) -> list[str]:
    """What the model was given for its calls."""
    return [str(m["content"]) for m in world.model.requests[-1]["messages"] if m["role"] == "tool"]


def write_log(world: World) -> Call:
    """Of a pod of the shop; the call that reads it."""
    pod = next(p for p in world.cluster.state.store.list(("", "pods"), "shop") if p["metadata"]["name"][:5] == "cart-")
    name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]
    lines = [f"{number:05d} GET /cart 200 {'x' * 90}" for number in range(400)]
    lines[30] = f"{OLD_LINE} (key {SECRET})"
    world.cluster.state.logs.put("shop", name, container, ContainerLog([LogLine(now(), line) for line in lines]))
    return Call("get_logs", {"namespace": "shop", "pod": name, "container": container, "tail_lines": 400})


async def modal(it: Story, words_in_it: str) -> str:
    def shown() -> str:
        workspace = it.world.workspace
        said = words(workspace.modal(MIA).view) if workspace._state.modals.get(MIA) else ""
        return said if words_in_it in said else ""

    return await it.world.workspace.wait_for(lambda _: shown(), timeout=30, what=f"a modal with {words_in_it!r}")


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
async def test_a_long_log_is_searched_by_the_model_and_read_whole_by_who_asked(http: bool) -> None:
    calls: list[Call] = []
    model = ScriptedModel(looking_for("exhausted", calls))
    async with story(WorldOptions(http=http, model=model)) as it:
        calls.append(write_log(it.world))
        thread = await it.ask(MIA, "what is in the log of cart?", channel=ONCALL, mention=True)
        log, found = results(it.world)
        assert "00399 GET /cart" in log
        assert OLD_LINE not in log
        assert f"1 of 401 lines hold 'exhausted'\n32: {OLD_LINE}" in found
        assert SECRET not in found

        (answer,) = finals(it.world, ONCALL, thread)
        assert (await it.world.workspace.click(MIA, "output:0", message=answer)).acked
        first = await modal(it, "Page 1 of ")
        assert OLD_LINE in first
        assert "<redacted:" in first
        assert SECRET not in first
        await it.world.workspace.submit(MIA, {SEARCH_INPUT: "00399"})
        assert "GET /cart 200" in await modal(it, "1 with “00399”")

        await it.world.workspace.click(OMAR, "output:0", message=answer)
        await it.world.workspace.wait_for(
            lambda w: any(m.ephemeral_to == OMAR and NOT_YOURS in str(m.blocks) for m in w.messages(ONCALL, thread)),
            what="a refusal for who has other rights",
        )


READ_ON = [
    ("pods as YAML", Call("list_resources", {"kind": "pods", "output": "yaml", "limit": 500}), "name: extra-0199"),
    ("pods", Call("list_resources", {"kind": "pods", "output": "wide", "limit": 500}), "extra-0199"),
    ("events", Call("get_events", {"limit": 500, "name": "cart"}), "event number 0003"),
    ("a ConfigMap", Call("get_resource", {"kind": "cm", "name": "large", "namespace": "shop"}), "line 1500 of"),
]


async def test_lists_events_and_objects_are_read_on_under_their_handle() -> None:
    scripts = {question: looking_for(needle, [call]) for question, call, needle in READ_ON}
    async with story(WorldOptions(model=ScriptedModel(lambda talk: scripts[talk.question](talk)))) as it:
        fill(it.world)
        for question, _, needle in READ_ON:
            await it.ask(OMAR, question)
            shown, found = results(it.world)
            assert needle not in shown, question
            assert re.search(rf"^\d+: .*{needle}", found, re.MULTILINE), question


def fill(world: World) -> None:
    """More than fits into one result: events, pods and a ConfigMap."""
    at = "2026-01-01T00:00:00Z"

    def create(kind: str, name: str, **body: Any) -> None:
        meta = {"name": name, "namespace": "shop", "uid": f"u-{name}", "creationTimestamp": at}
        whole = {"apiVersion": "v1", "kind": kind, "metadata": meta, **body}
        world.cluster.state.store.create(("", f"{kind.lower()}s"), whole)

    for number in range(200):
        spec = {"containers": [{"name": "app", "image": "app:1"}]}
        create("Pod", f"extra-{number:04d}", spec=spec, status={"phase": "Succeeded"})
        last = f"2026-01-01T00:{number // 60:02d}:{number % 60:02d}Z"
        said = {"type": "Normal", "reason": "Tested", "message": f"event number {number:04d}", "lastTimestamp": last}
        about = {"kind": "Service", "name": "cart", "namespace": "shop"}
        create("Event", f"cart.{number}", involvedObject=about, firstTimestamp=at, **said)
    create("ConfigMap", "large", data={"notes": "\n".join(f"line {number} of the notes" for number in range(3000))})
