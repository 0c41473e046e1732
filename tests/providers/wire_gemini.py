"""Local servers that speak Gemini's `streamGenerateContent`: the Gemini API, and Vertex AI with its login."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kubeai_bot.interfaces import Provider
from kubeai_bot.providers.connect import ModelOptions, connect_gemini, connect_vertex
from tests.providers.vendor import KEY, MODEL, Answer, Broken, Fault, Place, Refusal, Reply, Seen, Wish
from tests.providers.wire_openai import Raw, refusal

SIGNATURE = "c2lnbmF0dXJl-_8="
"""A thought signature as it stands on the wire."""
FOREIGN_SIGNATURE = "skip_thought_signature_validator"

PROJECT, LOCATION = "shop-project", "europe-west1"

_REFUSALS: Mapping[Fault, tuple[int, str, str]] = {
    Fault.RATE_LIMIT: (429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"),
    Fault.NO_CREDIT: (429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"),
    Fault.BAD_KEY: (400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
    Fault.NOT_ALLOWED: (403, "PERMISSION_DENIED", "API_KEY_SERVICE_BLOCKED"),
    Fault.UNKNOWN_MODEL: (404, "NOT_FOUND", ""),
    Fault.BAD_REQUEST: (400, "INVALID_ARGUMENT", ""),
    Fault.OVERLOADED: (503, "UNAVAILABLE", ""),
    Fault.CRASH: (500, "INTERNAL", ""),
}
_QUOTAS = {
    Fault.RATE_LIMIT: "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    Fault.NO_CREDIT: "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
}


def sse(*chunks: Mapping[str, Any] | str) -> list[bytes]:
    return [
        f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk, ensure_ascii=False)}\r\n\r\n".encode()
        for chunk in chunks
    ]


def chunk(*parts: Mapping[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": MODEL, "responseId": "r1", **more}


def error(status: int, message: str, word: str = "INVALID_ARGUMENT", details: Sequence[Any] = ()) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "status": word, "details": list(details)}}


def call(name: str, arguments: Mapping[str, Any], call_id: str = "", signature: str = "") -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": arguments, **({"id": call_id} if call_id else {})}}
    return part | ({"thoughtSignature": signature} if signature else {})


REFUSED_AS_TOO_LARGE: Sequence[tuple[str, int, Any]] = [
    (
        "Gemini",
        400,
        error(400, "The input token count (1196265) exceeds the maximum number of tokens allowed (1048576)."),
    ),
    (
        "Vertex AI",
        400,
        [
            error(
                400,
                "Unable to submit request because the input token count is 40000 but model only supports up to 32768. "
                "Reduce the input token count and try again.",
            )
        ],
    ),
    ("too many bytes", 400, error(400, "Request payload size exceeds the limit: 20971520 bytes.")),
    ("a proxy", 413, "<html><head><title>413 Request Entity Too Large</title></head></html>"),
    ("a proxy without a body", 413, ""),
]


class GeminiWire:
    """The Gemini API. `requests` holds the bodies as they came in, `keys` what authorised them, `paths` where to."""

    name = "gemini"
    parts_of = "gemini"
    counts_tokens = True

    def __init__(self, runner: web.AppRunner) -> None:
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._runner = runner
        self.requests: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.paths: list[str] = []
        self.keys: list[str] = []
        self.seen: list[Seen] = []
        self.asked = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.ports: set[int] = set()
        self.overflows: Mapping[str, Any] = {
            label: refusal(status, body) for label, status, body in REFUSED_AS_TOO_LARGE
        } | {
            "in mid-answer": Raw(
                sse(chunk({"text": "I"}), error(400, "The input token count exceeds the maximum number of tokens."))
            )
        }
        self._replies: list[Reply | Raw] = []

    def will(self, *replies: Reply | Raw) -> None:
        self._replies.extend(replies)

    async def shut_down(self) -> None:
        await self._runner.cleanup()

    async def provider(self, read_timeout: float = 10.0, window: int | None = None, model: str = MODEL) -> Provider:
        return await connect_gemini(model, KEY, self.address, ModelOptions(window, read_timeout=read_timeout))

    def key(self, headers: Mapping[str, str]) -> str:
        return headers["x-goog-api-key"]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(request.headers)
        self.paths.append(request.path_qs)
        self.keys.append(self.key(request.headers))
        self.ports.add(request.get_extra_info("peername")[1])
        self.seen.append(understood(body))
        self.asked.set()
        return await self._play(request, self._raw(self._replies.pop(0)))

    def _raw(self, reply: Reply | Raw) -> Raw:
        match reply:
            case Raw():
                return reply
            case Answer():
                return Raw(sse(*answer(reply)))
            case Broken():
                return Raw(beginning(reply.place), ending=reply.how)
            case Refusal(fault=Fault.FILTERED_PROMPT, says=says):
                feedback = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": says}
                return Raw(sse({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 3}}))
            case Refusal():
                return self.refuse(reply)

    def refuse(self, reply: Refusal) -> Raw:
        status, word, reason = _REFUSALS[reply.fault]
        details: list[Any] = []
        if reason:
            details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason})
        if reply.fault in _QUOTAS:
            violations = [{"quotaId": _QUOTAS[reply.fault], "quotaValue": "10"}]
            details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations})
        if reply.wait is not None:
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{reply.wait}s"})
        return refusal(status, error(status, reply.says, word, details))

    async def _play(self, request: web.Request, raw: Raw) -> web.StreamResponse:
        response = web.StreamResponse(status=raw.status, headers=raw.headers)
        try:
            await response.prepare(request)
            for piece in raw.pieces:
                await response.write(piece)
            if raw.ending == "silence":
                await asyncio.Event().wait()
            if raw.ending == "abort" and request.transport is not None:
                request.transport.abort()
        except (asyncio.CancelledError, ConnectionResetError):
            self.disconnected.set()
            raise
        return response


class VertexWire(GeminiWire):
    """Vertex AI: another address, and an access token from Google's login instead of a key."""

    name = "vertex"

    def key(self, headers: Mapping[str, str]) -> str:
        return headers["authorization"].removeprefix("Bearer ")

    async def provider(self, read_timeout: float = 10.0, window: int | None = None, model: str = MODEL) -> Provider:
        """As whoever GOOGLE_APPLICATION_CREDENTIALS names, which `serving` sets."""
        options = ModelOptions(window, read_timeout=read_timeout)
        return await connect_vertex(model, PROJECT, LOCATION, self.address, options)

    def refuse(self, reply: Refusal) -> Raw:
        if reply.fault is Fault.BAD_KEY:
            return refusal(401, [error(401, reply.says, "UNAUTHENTICATED")])
        return super().refuse(reply)


# --- how these servers speak ---


def answer(wanted: Answer) -> Iterable[Mapping[str, Any]]:
    for text in wanted.texts:
        yield chunk({"text": text}, usageMetadata={"promptTokenCount": wanted.usage.input})
    malformed = [wish.raw for wish in wanted.wishes if wish.raw is not None]
    if malformed:
        yield chunk(finish="MALFORMED_FUNCTION_CALL")
        return
    if wanted.wishes:
        yield chunk(*calls(wanted.wishes, opaque=wanted.opaque))
    thoughts = wanted.usage.output // 2
    usage = {
        "promptTokenCount": wanted.usage.input,
        "candidatesTokenCount": wanted.usage.output - thoughts,
        "thoughtsTokenCount": thoughts,
        "cachedContentTokenCount": wanted.usage.cached,
        "totalTokenCount": wanted.usage.input + wanted.usage.output,
    }
    finish = {"truncated": "MAX_TOKENS", "blocked": "SAFETY"}.get(wanted.ending, "STOP")
    yield chunk({"text": ""}, finish=finish, usageMetadata=usage)


def calls(wishes: Sequence[Wish], *, opaque: bool) -> Iterable[Mapping[str, Any]]:
    """As Gemini 2 sends them, without ids; `opaque`: as Gemini 3, with ids and one signature on the first."""
    for index, wish in enumerate(wishes):
        signature = SIGNATURE if opaque and index == 0 else ""
        yield call(wish.name, wish.arguments, f"id-{index}" if opaque else "", signature)


def beginning(place: Place) -> list[bytes]:
    match place:
        case Place.BEFORE_THE_FIRST_BYTE:
            return []
        case Place.IN_THE_TEXT:
            return sse(chunk({"text": "I "}), chunk({"text": "look"}))
        case Place.IN_THE_ARGUMENTS:
            whole = sse(chunk(call("list_resources", {"kind": "Pod"})))[0]
            return [whole[: whole.index(b"Pod") + 2]]


def understood(body: Mapping[str, Any]) -> Seen:
    """Also refuses what Gemini refuses: results that do not stand right behind their calls, empty parts, two contents
    of one role in a row."""
    contents: list[Mapping[str, Any]] = body["contents"]
    assert contents[0]["role"] == "user"
    assert all(one["role"] != other["role"] for one, other in pairwise(contents))
    said: list[tuple[str, str]] = []
    called: list[tuple[str, Mapping[str, Any]]] = []
    results: list[tuple[str, str]] = []
    opaque = False
    open_calls: list[tuple[str | None, str]] = []
    for content in contents:
        assert content["parts"]
        answers = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        assert [(result.get("id"), result["name"]) for result in answers] == open_calls
        results += [(result["name"], next(iter(result["response"].values()))) for result in answers]
        asked = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        open_calls = [(wish.get("id"), wish["name"]) for wish in asked]
        called += [(wish["name"], wish.get("args", {})) for wish in asked]
        if texts := [part["text"] for part in content["parts"] if part.get("text")]:
            said.append((content["role"], "\n\n".join(texts)))
        opaque = opaque or any(part.get("thoughtSignature") == SIGNATURE for part in content["parts"])
    system = "".join(part["text"] for part in body.get("systemInstruction", {}).get("parts", ()))
    tools = [declared["name"] for tool in body.get("tools", ()) for declared in tool["functionDeclarations"]]
    return Seen(system, said, called, results, tools, opaque)


@asynccontextmanager
async def serving(wire: type[GeminiWire]) -> AsyncIterator[GeminiWire]:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    server: GeminiWire | None = None

    async def handle(request: web.Request) -> web.StreamResponse:
        assert server is not None
        return await server.handle(request)

    async def give_token(_request: web.Request) -> web.Response:
        return web.json_response({"access_token": KEY, "expires_in": 3600, "token_type": "Bearer"})

    app.router.add_post("/v1beta/models/{model}:streamGenerateContent", handle)
    place = f"/v1beta1/projects/{PROJECT}/locations/{LOCATION}/publishers/google"
    app.router.add_post(f"{place}/models/{{model}}:streamGenerateContent", handle)
    app.router.add_post("/token", give_token)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        server = wire(runner)
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", account_file(folder, f"{server.address}/token"))
            yield server
    finally:
        await runner.cleanup()


def account_file(folder: str, token_uri: str) -> str:
    """The path of a service account's key file."""
    account = {
        "type": "service_account",
        "project_id": "another-project",
        "private_key_id": "k1",
        "private_key": _private_key(),
        "client_email": "kubeai@another-project.iam.gserviceaccount.example",
        "client_id": "1",
        "token_uri": token_uri,
    }
    path = Path(folder, "account.json")
    path.write_text(json.dumps(account))
    return str(path)


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
