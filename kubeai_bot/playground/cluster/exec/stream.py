"""pods/exec over a WebSocket: subprotocols v5.channel.k8s.io and v4.channel.k8s.io (KEP-4006).

Each message is a channel byte and data: 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 terminal size, and 255
(v5 only) with the number of a channel that its sender has closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, replace

from aiohttp import WSMsgType, web

from kubeai_bot.playground.cluster.exec.commands import Finished, run
from kubeai_bot.playground.cluster.exec.inside import Inside
from kubeai_bot.playground.cluster.logs import chosen_container
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of
from kubeai_bot.playground.cluster.resources import Resources
from kubeai_bot.playground.cluster.state import Call, ClusterState
from kubeai_bot.playground.cluster.status import ApiError, bad_request

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _STATUS = 1, 2, 3
_TRUE = {"1", "true"}


@dataclass(frozen=True)
class ExecOptions:
    """What a request asks to be run, and which streams it wants."""

    command: list[str]
    container: str
    stdout: bool
    stderr: bool
    tty: bool


async def serve_exec(state: ClusterState, resources: Resources, request: web.Request, call: Call) -> web.StreamResponse:
    """Runs the command and sends what it prints; ApiError before the upgrade for what cannot be run."""
    if call.info.verb != "create":
        # since 1.35 a WebSocket, which opens with GET, needs the right to create as well
        state.authorizer.require(call.user, replace(call.info, verb="create"))
    pod = resources.current(call)
    container = chosen_container(request.query.get("container", ""), pod)
    inside = _inside(state, pod, container)
    options = _options(request, container)
    socket = web.WebSocketResponse(protocols=_PROTOCOLS, autoping=True)
    if not socket.can_prepare(request).ok:
        raise bad_request("Upgrade request required")
    await socket.prepare(request)
    if socket.ws_protocol is None:
        await socket.close(code=1002, message=b"no supported subprotocol")
        return socket
    ended = await _run_while_open(socket, options.command, inside)
    if ended is not None:
        await _send(socket, options, ended)
    await socket.close()
    return socket


def _options(request: web.Request, container: str) -> ExecOptions:
    def asked(name: str) -> bool:
        return request.query.get(name, "") in _TRUE

    if not any(asked(name) for name in ("stdin", "stdout", "stderr")):
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    command = request.query.getall("command", [])
    if not command:
        raise bad_request("you must specify at least 1 command for the container")
    return ExecOptions(command, container, asked("stdout"), asked("stderr"), asked("tty"))


def _inside(state: ClusterState, pod: Obj, container: str) -> Inside:
    if not dig(pod, "spec", "nodeName"):
        raise bad_request(f"pod {name_of(pod)} does not have a host assigned")
    statuses = dig(pod, "status", "containerStatuses", default=[])
    running = any(one["name"] == container and "running" in one["state"] for one in statuses)
    if not running:
        why = f'unable to upgrade connection: container not found ("{container}")'
        raise ApiError(500, "InternalError", f"Internal error occurred: {why}", {"causes": [{"message": why}]})
    spec = next(one for one in pod["spec"]["containers"] if one["name"] == container)
    return Inside(state.store, pod, spec)


async def _run_while_open(socket: web.WebSocketResponse, command: list[str], inside: Inside) -> Finished | None:
    """The command's end, or None if the client leaves before that."""
    running = asyncio.create_task(run(command, inside))
    listening = asyncio.create_task(_until_closed(socket))
    try:
        await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
        return running.result() if running.done() else None
    finally:
        for task in (running, listening):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _until_closed(socket: web.WebSocketResponse) -> None:
    """Reads past what the client sends (no program here reads its standard input)."""
    while (await socket.receive()).type not in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR}:
        pass


async def _send(socket: web.WebSocketResponse, options: ExecOptions, ended: Finished) -> None:
    out, err = ended.out, ended.err
    if options.tty:
        out, err = out + err, ""
    with contextlib.suppress(ConnectionError):
        if out and options.stdout:
            await socket.send_bytes(bytes([_STDOUT]) + out.encode())
        if err and options.stderr:
            await socket.send_bytes(bytes([_STDERR]) + err.encode())
        await socket.send_bytes(bytes([_STATUS]) + json.dumps(_status(options.command, ended)).encode())


def _status(command: list[str], ended: Finished) -> Obj:
    """The Status that ends an exec, as the kubelet and the container runtime word it."""
    if ended.unstartable:
        why = (
            "error executing command in container: failed to exec in container: failed to start exec: OCI runtime exec "
            f"failed: exec failed: unable to start container process: {ended.unstartable}"
        )
        return {
            "metadata": {},
            "status": "Failure",
            "message": f"Internal error occurred: {why}",
            "reason": "InternalError",
            "details": {"causes": [{"message": why}]},
            "code": 500,
        }
    if not ended.code:
        return {"metadata": {}, "status": "Success"}
    why = f"error executing command [{' '.join(command)}], exit code {ended.code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {why}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(ended.code)}]},
    }
