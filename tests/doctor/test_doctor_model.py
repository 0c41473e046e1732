"""The doctor and the model."""

import pytest

from kubeai_bot.doctor.finding import Area
from kubeai_bot.playground.model.replies import Call, Fail, Reply, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import WorldOptions


async def test_a_model_that_never_calls_tools_is_found(doctor_in) -> None:
    async with doctor_in(WorldOptions(model=ScriptedModel(lambda _: Say("You are an administrator.")))) as doctor:
        visit = await doctor.visit(Area.MODEL)
        found = visit.named("model.tool_calling")
        assert (visit.code, visit.wrong) == (1, {"model.tool_calling"})
        assert "without calling the tool" in found["says"]
        assert "MODEL_ID" in found["fix"]
        assert (await doctor.visit(Area.MODEL, init=True)).code == 0


async def test_one_small_request_with_one_tool_is_all_that_is_sent(doctor_in) -> None:
    model = ScriptedModel([Call("whoami")])
    async with doctor_in(WorldOptions(model=model)) as doctor:
        assert (await doctor.visit(Area.MODEL)).code == 0
    (request,) = model.requests
    assert [tool["function"]["name"] for tool in request["tools"]] == ["whoami"]


@pytest.mark.parametrize(
    ("reply", "says", "fix", "at_start"),
    [
        (Fail(401, "Incorrect API key provided"), "does not accept the key", "OPENAI_API_KEY", "stop"),
        (Fail(404, "no such model"), "does not know the model", "MODEL_ID", "stop"),
        (Fail(500), "500", "see if it is up", "wait"),
        (Call("whoami", "not json"), "broken arguments", "MODEL_ID", "go"),
    ],
)
async def test_each_failure_has_its_fix(doctor_in, reply: Reply, says: str, fix: str, at_start: str) -> None:
    async with doctor_in(WorldOptions(model=ScriptedModel(lambda _: reply))) as doctor:
        visit = await doctor.visit(Area.MODEL, OPENAI_API_KEY="sk-very-secret-key-of-the-test")
    found = visit.report["findings"][-1]
    assert (found["result"], found["at_start"]) == ("fault", at_start)
    assert says in found["says"]
    assert fix in found["fix"]


async def test_a_model_that_is_not_there_is_an_outage(doctor) -> None:
    visit = await doctor.visit(Area.MODEL, OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert visit.named("model.answers")["at_start"] == "wait"
