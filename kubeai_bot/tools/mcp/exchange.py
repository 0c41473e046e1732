"""One call of a tool, by either generation of the protocol, to its end.

The SDK's own `call_tool` is not used because it checks results against the server's output schema without any bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp import ClientSession, MCPError
from mcp.shared.dispatcher import ProgressFnT
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitResult,
    InputRequiredResult,
    InputResponse,
)
from pydantic import TypeAdapter

from kubeai_bot.tools.mcp.errand import Errand, errand
from kubeai_bot.tools.mcp.wording import one_line

DECLINED = ElicitResult(action="decline")
_ROUNDS = 5
_RESULT: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(CallToolResult | InputRequiredResult)


async def exchange(
    session: ClientSession, name: str, arguments: Mapping[str, Any], timeout: float, progress: ProgressFnT
) -> CallToolResult:
    """Call, and decline whatever the server asks in return (SEP-2322). Raises what the SDK raises."""
    params = CallToolRequestParams(name=name, arguments=dict(arguments))
    for _ in range(_ROUNDS):
        result = await session.send_request(
            CallToolRequest(params=params), _RESULT, request_read_timeout_seconds=timeout, progress_callback=progress
        )
        if isinstance(result, CallToolResult):
            return result
        responses = {key: await _answer(request) for key, request in (result.input_requests or {}).items()}
        params = CallToolRequestParams(
            name=name,
            arguments=dict(arguments),
            input_responses=responses or None,
            request_state=result.request_state,
        )
    raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "it kept asking the person instead of answering")


async def _answer(request: object) -> InputResponse:
    if not isinstance(request, ElicitRequest):
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "it wants the bot's model or files, which it does not get")
    if (here := errand.get()) is not None:
        await decline(here, one_line(request.params.message, 200))
    return DECLINED


async def decline(here: Errand, question: str) -> None:
    """Tell the person that they were to be asked something."""
    here.asked.append(question)
    if here.tell is not None:
        await here.tell(f"the server asked “{question}”; forms are not supported yet, so it was declined")
