"""Wrong calls of Web API methods are answered with Slack's own error codes; right ones are taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from kubeai_bot.playground.workspace.arguments import METHODS
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.workspace.shapes.arguments import ARGUMENTS, ARGUMENTS_OF, RULES_OF
from tests.playground_workspace import payload_tables as tables
from tests.playground_workspace.call_tables import ABSENT, RIGHT_CALLS, WRONG_CALLS

Json = dict[str, Any]


class Calls:
    """Calls methods, with the names of messages and files replaced by those of this test."""

    def __init__(self, workspace: Workspace, client: AsyncWebClient, names: dict[str, str]) -> None:
        self.workspace = workspace
        self.client = client
        self._names = names

    async def __call__(self, method: str, arguments: Json) -> Json:
        """The answer, a refusal too."""
        given = {key: self._named(value) for key, value in arguments.items() if value is not ABSENT}
        if method in ("users.lookupByEmail", "chat.getPermalink", "conversations.history"):
            sending = self.client.api_call(method, http_verb="GET", params=given)
        else:
            sending = self.client.api_call(method, json=given)
        try:
            return dict((await sending).data)
        except SlackApiError as error:
            return dict(error.response.data)

    def _named(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._names.get(value, value)
        if isinstance(value, list):
            return [self._named(item) for item in value]
        return {key: self._named(item) for key, item in value.items()} if isinstance(value, dict) else value


@pytest.fixture
async def calls(workspace: Workspace, client: AsyncWebClient) -> AsyncIterator[Calls]:
    root = await workspace.say("U0MIA", "hi")
    own = await client.chat_postMessage(channel="D0MIA", text="x")
    stream = await client.chat_startStream(channel="D0MIA", thread_ts=root)
    upload = await client.files_getUploadURLExternal(filename="a.log", length=3)
    async with aiohttp.ClientSession() as session, session.post(upload["upload_url"], data=b"abc") as answer:
        assert answer.status == 200
    yield Calls(
        workspace, client, {"$root": root, "$own": own["ts"], "$stream": stream["ts"], "$file": upload["file_id"]}
    )
    workspace.problems.clear()


@pytest.mark.parametrize("method", RIGHT_CALLS)
async def test_a_right_call_is_taken(calls, method):
    answer = await calls(method, RIGHT_CALLS[method])
    assert answer["ok"], answer
    assert calls.workspace.problems == []


@pytest.mark.parametrize("name", WRONG_CALLS)
async def test_a_wrong_call_gets_slacks_error_code(calls, name):
    method, differences, code = WRONG_CALLS[name]
    answer = await calls(method, {**RIGHT_CALLS[method], **differences})
    assert (answer["ok"], answer["error"]) == (False, code), answer


async def test_a_missing_a_mistyped_and_a_misshapen_argument_are_named(calls):
    answer = await calls("chat.getPermalink", {})
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] missing required field: channel",
        "[ERROR] missing required field: message_ts",
    ]
    answer = await calls("chat.postMessage", {"channel": "D0MIA", "text": "x", "unfurl_links": 7})
    assert answer["response_metadata"]["messages"] == ["[ERROR] must be a boolean [json-pointer:/unfurl_links]"]
    answer = await calls("files.getUploadURLExternal", {"length": 0, "filename": ""})
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be at least 1 [json-pointer:/length]",
        "[ERROR] must be more than 0 characters [json-pointer:/filename]",
    ]


async def test_every_wrong_payload_gets_the_code_of_its_kind_and_the_pointer_of_its_fault(calls):
    """Not the tables against the validation, but the payloads against the API as an app meets it."""
    for name, (blocks, pointer) in tables.WRONG_BLOCKS.items():
        answer = await calls("chat.postMessage", {"channel": "D0MIA", "text": "x", "blocks": blocks})
        assert (name, answer.get("error")) == (name, "invalid_blocks")
        assert pointed(answer, pointer), (name, answer)
    for name, (view, pointer) in tables.WRONG_VIEWS.items():
        answer = await calls("views.publish", {"user_id": "U0MIA", "view": view})
        assert (name, answer.get("error")) == (name, "invalid_arguments")
        assert pointed(answer, pointer), (name, answer)
    for name, (chunks, pointer) in tables.WRONG_CHUNKS.items():
        answer = await calls("chat.appendStream", {"channel": "D0MIA", "ts": "$stream", "chunks": chunks})
        assert (name, answer.get("error")) == (name, "invalid_chunks")
        assert pointed(answer, pointer), (name, answer)


def pointed(answer: Json, pointer: str) -> bool:
    messages = answer["response_metadata"]["messages"]
    return all(message.startswith("[ERROR] ") for message in messages) and any(
        message.endswith(f"[json-pointer:{pointer}]") for message in messages
    )


def test_shapes_are_declared_only_for_arguments_that_methods_take():
    taken = {argument for method in METHODS.values() for argument in method.arguments}
    assert set(ARGUMENTS) <= taken
    for name, shapes in ARGUMENTS_OF.items():
        assert set(shapes) <= set(METHODS[name].arguments)
    assert set(RULES_OF) <= set(METHODS)
