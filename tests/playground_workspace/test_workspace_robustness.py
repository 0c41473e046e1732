"""Whatever an app sends, the workspace answers as Slack would and never falls over."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from kubeai_bot.playground.workspace.arguments import METHODS
from kubeai_bot.playground.workspace.server import Workspace
from tests.playground_workspace import payload_tables as tables

plausible = st.sampled_from(
    ["D0MIA", "C0ONCALL", "U0MIA", "T0SHOP", "root", "stream", "1.000001", "", "processing", "plan", "x", "1", "true"]
)
odd = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | plausible,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "type", "text", "title", "message", "event_type"]), inner, max_size=2)
    ),
    max_leaves=4,
)
contents = st.sampled_from([*tables.RIGHT_BLOCKS.values(), *(blocks for blocks, _ in tables.WRONG_BLOCKS.values())])
views = st.sampled_from([*tables.RIGHT_VIEWS.values(), *(view for view, _ in tables.WRONG_VIEWS.values())])
chunks = st.lists(
    st.sampled_from(
        [
            {"type": "markdown_text", "text": "x"},
            {"type": "task_update", "id": "1", "title": "t", "status": "complete"},
            {"type": "task_update", "id": 1},
            {"type": "plan_update", "title": "p"},
            {"type": "blocks", "blocks": [{"type": "divider"}]},
        ]
    ),
    max_size=3,
)
values = {"blocks": contents, "view": views, "chunks": chunks, "markdown_text": plausible}


@st.composite
def calls(draw) -> tuple[str, dict]:
    name = draw(st.sampled_from(sorted(METHODS)))
    method = METHODS[name]
    optional = draw(st.lists(st.sampled_from(sorted(method.arguments) or ["x"]), max_size=4, unique=True))
    keys = sorted({*method.required, *optional})
    return name, {key: draw(values.get(key, plausible | odd) | odd) for key in keys}


@given(st.lists(calls(), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_every_call_gets_an_answer_of_slacks_form(sequence):
    asyncio.run(_call_all(sequence))


async def _call_all(sequence: list[tuple[str, dict]]) -> None:
    import aiohttp

    async with Workspace() as workspace, aiohttp.ClientSession() as session:
        root = await workspace.say("U0MIA", "hi")
        headers = {"Authorization": f"Bearer {workspace.bot_token}"}
        started = {"channel": "D0MIA", "thread_ts": root}
        async with session.post(f"{workspace.api_url}chat.startStream", headers=headers, json=started) as answer:
            stream = (await answer.json())["ts"]
        for method, arguments in sequence:
            named = {
                key: {"root": root, "stream": stream}.get(value, value) if isinstance(value, str) else value
                for key, value in arguments.items()
            }
            async with session.post(f"{workspace.api_url}{method}", headers=headers, json=named) as answer:
                assert answer.status == 200, (method, named)
                body = await answer.json()
                assert body["ok"] is True or isinstance(body["error"], str)
        assert len(workspace.calls) == len(sequence) + 1
        for channel in workspace.channels:
            workspace.rendered(channel)
