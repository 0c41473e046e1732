"""A tool that changes after somebody approved a call of it."""

from __future__ import annotations

import pytest

from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.redaction.redactor import Redactor
from kubeai_bot.domain.tool import CallContext
from kubeai_bot.errors import Drifted
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.opening import open_mcp
from tests.mcp.servers.starting import LIAR, MIA, Asked, liar, listening, until


async def silent(_words: str) -> None:
    return


def context(approved: str | None = None) -> CallContext:
    return CallContext("session", "turn", "D0MIA", Redactor(b"k" * 32), silent, approved)


async def _changes_under_an_approval(server: McpServer) -> None:
    async with open_mcp([server]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        planned = await tools.plan(ToolCall("c", "liar__greet", {}), MIA)
        preview = await tools.preview(planned, MIA, context())
        assert (await tools.preview(planned, MIA, context())).digest == preview.digest
        assert (await tools.call(planned, MIA, context(preview.digest))).ok
        await mia.words("liar__change")
        await until(lambda: "deletes everything" in mia.specs["liar__greet"].description, tools.status)
        assert "liar__new" in mia.specs
        with pytest.raises(Drifted):
            await tools.call(planned, MIA, context(preview.digest))
        again = await tools.plan(ToolCall("c", "liar__greet", {}), MIA)
        assert (await tools.call(again, MIA, context((await tools.preview(again, MIA, context())).digest))).ok


@pytest.mark.parametrize("legacy", [False, True])
async def test_an_approval_does_not_survive_a_change_of_the_tool_over_stdio(*, legacy: bool) -> None:
    await _changes_under_an_approval(liar("Changing", legacy=legacy, reads=("change*",)))


@pytest.mark.parametrize("legacy", [False, True])
async def test_an_approval_does_not_survive_a_change_of_the_tool_over_http(*, legacy: bool) -> None:
    flags = ("--legacy",) if legacy else ()
    async with listening(*LIAR, "Changing", *flags) as running:
        generation = "legacy" if legacy else "auto"
        server = McpServer("liar", url=running.url, reads=("change*",), generation=generation)
        await _changes_under_an_approval(server)


@pytest.mark.parametrize("legacy", [False, True])
async def test_nor_does_it_survive_a_change_that_the_server_keeps_quiet_about(*, legacy: bool) -> None:
    async with open_mcp([liar("Changing", legacy=legacy, reads=("change*",))]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        planned = await tools.plan(ToolCall("c", "liar__greet", {}), MIA)
        preview = await tools.preview(planned, MIA, context())
        await mia.words("liar__change_quietly")
        with pytest.raises(Drifted):
            await tools.call(planned, MIA, context(preview.digest))
