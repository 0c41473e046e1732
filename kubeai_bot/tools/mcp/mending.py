"""Lists of tools mended as they arrive: for one malformed tool the SDK would throw the whole list away."""

from __future__ import annotations

import contextvars
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Self, cast

from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse, Tool
from pydantic import ValidationError

_ROOT = "x-kubeai-root"
_UNUSABLE = "x-kubeai-unusable"


@asynccontextmanager
async def mended(transport: AbstractAsyncContextManager[Any]) -> AsyncGenerator[tuple[_Mended, Any]]:
    """The transport, with every list of tools made readable for the SDK."""
    async with transport as (arriving, leaving):
        yield _Mended(arriving), leaving


def true_schema(tool: Tool) -> Mapping[str, Any]:
    """The input schema as the server gave it."""
    return cast("Mapping[str, Any]", tool.input_schema.get(_ROOT, tool.input_schema))


def unusable(tool: Tool) -> str:
    """Why the tool cannot be used, where the server gave nothing that could."""
    why = tool.input_schema.get(_UNUSABLE, "")
    return why if isinstance(why, str) else "it is malformed"


class _Mended:
    """The SDK's ReadStream."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @property
    def last_context(self) -> contextvars.Context | None:
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        return _mend(await self._inner.receive())

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return _mend(await self._inner.__anext__())

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._inner.__aexit__(kind, error, trace)


def _mend(item: SessionMessage | Exception) -> SessionMessage | Exception:
    if isinstance(item, SessionMessage) and isinstance(item.message, JSONRPCResponse):
        result = item.message.result
        if isinstance(result.get("tools"), list):
            result["tools"] = [_tool(given) for given in result["tools"]]
    return item


def _tool(given: object) -> dict[str, Any]:
    tool = dict(cast("dict[str, Any]", given)) if isinstance(given, dict) else {}
    schema, output = tool.get("inputSchema"), tool.get("outputSchema")
    if not isinstance(schema, dict):
        return _placeholder(tool, "it has no input schema")
    if schema.get("type") != "object":
        tool["inputSchema"] = {"type": "object", _ROOT: schema}
    if not isinstance(output, dict) or output.get("type") != "object":
        tool.pop("outputSchema", None)
    try:
        Tool.model_validate(tool, by_name=False)
    except ValidationError:
        return _placeholder(tool, "it is malformed")
    return tool


def _placeholder(tool: Mapping[str, Any], why: str) -> dict[str, Any]:
    name = tool.get("name")
    return {"name": name if isinstance(name, str) else "…", "inputSchema": {"type": "object", _UNUSABLE: why}}
