"""`/api/{method}`: decodes a call, checks who calls, meets arranged faults, runs the method, records everything."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate

from aiohttp import web

from kubeai_bot.playground.workspace.arguments import METHODS, Method, decode_arguments, read_arguments
from kubeai_bot.playground.workspace.changes import Called
from kubeai_bot.playground.workspace.faults import ArrangedFault, Faults, RateLimits
from kubeai_bot.playground.workspace.journal import RecordedCall
from kubeai_bot.playground.workspace.methods import (
    agents,
    chat,
    conversations,
    directory,
    files,
    reactions,
    streams,
    views,
)
from kubeai_bot.playground.workspace.state import State
from kubeai_bot.playground.workspace.wire import Json, Refused

Handler = Callable[[State, Json], Json]

HANDLERS: Mapping[str, Handler] = {
    **chat.HANDLERS,
    **streams.HANDLERS,
    **agents.HANDLERS,
    **conversations.HANDLERS,
    **directory.HANDLERS,
    **views.HANDLERS,
    **files.HANDLERS,
    **reactions.HANDLERS,
}


@dataclass(slots=True)
class _Call:
    """One call on its way through: what is known of it so far. `caller` as in `Method`, or `none`, or `unknown`."""

    name: str
    caller: str
    arguments: Json = field(default_factory=dict[str, object])
    problems: list[str] = field(default_factory=list[str])


class Api:
    """The Web API of the workspace."""

    def __init__(self, state: State, faults: Faults, limits: RateLimits) -> None:
        self._state = state
        self._faults = faults
        self._limits = limits

    async def handle(self, request: web.Request) -> web.Response:
        """Answers one call. Every outcome, arranged ones too, is on record before the answer leaves."""
        call = _Call(request.match_info["method"], self._caller(request))
        fault = self._faults.take(call.name)
        if fault is not None and fault.delay is not None:
            await asyncio.sleep(fault.delay)
        status, body, headers = 200, {}, {}
        try:
            raw = await read_arguments(request)
            call.arguments = raw
            if fault is not None and fault.http_status is not None:
                status, body, headers = _failed(fault)
            else:
                body = self._run(call, raw, fault)
        except Refused as refused:
            body = self._refuse(call, refused)
        if body.get("error") == "ratelimited" and status == 200:
            status, headers = 429, {"Retry-After": str(body.pop("retry_after"))}
        self._record(call, status, body)
        if fault is not None and fault.drop_response and request.transport is not None:
            request.transport.abort()
        if call.caller == "bot":
            headers["X-OAuth-Scopes"] = ",".join(sorted(self._state.bot_scopes))
        headers["Date"] = formatdate(self._state.clock(), usegmt=True)
        return web.json_response(body, status=status, headers=headers)

    def _run(self, call: _Call, raw: Json, fault: ArrangedFault | None) -> Json:
        method, handler = METHODS.get(call.name), HANDLERS.get(call.name)
        if method is None or handler is None:
            raise Refused("unknown_method", messages=[f"{call.name} is not a method of this workspace"])
        _authorise(method, call.caller)
        if fault is not None and fault.error is not None:
            return {"ok": False, "error": fault.error}
        retry_after = self._limits.retry_after(call.name, str(raw.get("channel", "")))
        if retry_after is not None:
            return {"ok": False, "error": "ratelimited", "retry_after": retry_after}
        call.arguments, unknown = decode_arguments(method, raw)
        call.problems += unknown
        streams.expire(self._state)
        return {"ok": True, **handler(self._state, copy.deepcopy(call.arguments))}

    def _refuse(self, call: _Call, refused: Refused) -> Json:
        if refused.app_at_fault:
            why = "; ".join(refused.messages)
            call.problems.append(f"{call.name}: {refused.error}{': ' + why if why else ''}")
        return refused.answer()

    def _record(self, call: _Call, status: int, body: Json) -> None:
        for problem in call.problems:
            self._state.problem(problem)
        recorded = RecordedCall(
            call.name,
            call.arguments,
            call.caller,
            status,
            copy.deepcopy(body),
            tuple(call.problems),
            self._state.clock(),
        )
        self._state.calls.append(recorded)
        self._state.publish(Called(recorded))

    def _caller(self, request: web.Request) -> str:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return "none"
        if token == self._state.secrets.bot_token:
            return "bot"
        return "app" if token == self._state.secrets.app_token else "unknown"


def _authorise(method: Method, caller: str) -> None:
    if method.caller == "anyone":
        return
    if caller == "none":
        raise Refused("not_authed", app_at_fault=False)
    if caller == "unknown":
        raise Refused("invalid_auth", app_at_fault=False)
    if caller != method.caller:
        raise Refused("not_allowed_token_type")


def _failed(fault: ArrangedFault) -> tuple[int, Json, dict[str, str]]:
    status = fault.http_status or 500
    error = fault.error or ("ratelimited" if status == 429 else "fatal_error")
    headers = {"Retry-After": str(fault.retry_after or 1)} if status == 429 else {}
    return status, {"ok": False, "error": error}, headers
