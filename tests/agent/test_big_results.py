"""Results that are too large for the model: kept beside the session without secrets, and read on under a handle."""

import re
from datetime import UTC, datetime

from kubeai_bot.agent.results import BUDGET, LARGEST, cleaned, fitted
from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.redaction.redactor import Redactor
from kubeai_bot.domain.storage import KeptResult
from kubeai_bot.domain.tool import ToolResult
from tests.agent.loop_world import THREAD, World, calls, says
from tests.agent.test_turns import at_work

LINES = [f"{number:05d} all is well" for number in range(900)]
SECRET = "AKIAQ3EGRT5KXVZ2YLNB"
SEEN_BY = (Identity(Speaker("T0SHOP", "U0MIA"), "mapping", KubeUser("mia"), datetime.now(UTC)), datetime.now(UTC))


class Shelf:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[KeptResult] = []

    async def __call__(self, result: KeptResult) -> None:
        self.kept.append(result)


async def test_the_whole_that_a_tool_shows_an_excerpt_of_is_kept_without_secrets(world: World) -> None:
    whole = [*LINES[:300], f"key {SECRET}", *LINES[300:]]
    world.tools.says = "\n".join(LINES[-20:])
    world.tools.extras["look"] = {"whole": "\n".join(whole)}
    world.provider.replies = [calls(("look", {})), says("Fine.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("the log?"))
        await world.settled()
    content = world.provider.asked[1][1][-1].message.payload.content
    *shown, note = content.split("\n")
    assert shown == LINES[-20:]
    handle = re.search(r"r-[0-9a-f]{8}", note)
    assert handle
    assert note.startswith("[… 881 of 901 lines (")
    assert f'read_result(handle="{handle[0]}", …)' in note
    (ended,) = next(iter(world.stage.answers.values()))
    assert [output.handle for output in ended.outputs] == [handle[0]]
    session = await world.store.find(THREAD)
    assert session
    kept = await world.store.kept_result(session.id, handle[0])
    assert kept
    assert kept.text.split("\n")[299] == LINES[299]
    assert SECRET not in kept.text
    assert "<redacted:" in kept.text.split("\n")[300]


async def test_a_result_that_fits_is_not_kept() -> None:
    shelf = Shelf()
    fit = await fitted(ToolResult("x" * BUDGET, ""), "t/1", "Look", SEEN_BY, shelf)
    assert (fit.result.content, fit.handle, shelf.kept) == ("x" * BUDGET, "", [])


async def test_without_an_excerpt_of_the_tools_own_head_and_tail_are_shown() -> None:
    shelf = Shelf()
    fit = await fitted(ToolResult("\n".join(LINES), ""), "t/1", "Look", SEEN_BY, shelf)
    content = fit.result.content
    assert content.startswith(LINES[0])
    assert content.endswith(LINES[-1])
    shown = sum(line in LINES for line in content.split("\n"))
    assert f"[… {900 - shown} of 900 lines" in content
    assert [kept.text for kept in shelf.kept] == ["\n".join(LINES)]


async def test_an_excerpt_that_is_too_large_itself_is_not_shown() -> None:
    shelf = Shelf()
    result = ToolResult("y\n" * BUDGET, "", whole="\n".join(LINES))
    fit = await fitted(result, "t/1", "Look", SEEN_BY, shelf)
    assert len(fit.result.content) <= BUDGET
    assert fit.result.content.startswith(LINES[0])
    assert fit.result.whole == ""


async def test_columns_that_are_wider_in_the_whole_do_not_count_as_lines_left_out() -> None:
    shelf = Shelf()
    result = ToolResult("NAME  AGE\nweb  1d", "", whole="NAME        AGE\nweb         1d\nmuch-longer 2d")
    fit = await fitted(result, "t/1", "Look", SEEN_BY, shelf)
    assert "[… 1 of 3 lines" in fit.result.content


async def test_no_more_is_kept_than_the_largest_result() -> None:
    shelf = Shelf()
    for result in (ToolResult("x" * (LARGEST + 7), ""), ToolResult("x", "", whole="x" * (LARGEST + 7))):
        fit = await fitted(result, "t/1", "Look", SEEN_BY, shelf)
        assert len(fit.result.content) <= BUDGET
        assert fit.characters == len(shelf.kept[-1].text) <= LARGEST + 100
        assert shelf.kept[-1].text.endswith("[… 7 more characters were not kept …]")


def test_secrets_are_taken_out_of_every_part_of_a_result() -> None:
    secret = f"key {SECRET}"
    result = cleaned(ToolResult(secret, secret, whole=f"{secret}\n{secret}"), Redactor(b"k" * 32))
    assert SECRET not in result.content + result.summary + result.whole
    assert result.whole.count("<redacted:") == 2
