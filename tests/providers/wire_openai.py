"""Local servers that speak OpenAI's chat completions: as OpenAI does, as Azure does, and as sloppily as others do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from kubeai_bot.interfaces import Provider
from kubeai_bot.providers.connect import ModelOptions, connect_azure, connect_openai
from tests.providers.vendor import KEY, MODEL, Answer, Broken, Fault, Place, Refusal, Reply, Seen, Wish

SIGNATURE = {"google": {"thought_signature": "c2lnbmF0dXJl"}}

_REFUSALS: Mapping[Fault, tuple[int, str]] = {
    Fault.RATE_LIMIT: (429, "rate_limit_exceeded"),
    Fault.NO_CREDIT: (429, "insufficient_quota"),
    Fault.BAD_KEY: (401, "invalid_api_key"),
    Fault.NOT_ALLOWED: (403, "unsupported_country_region_territory"),
    Fault.UNKNOWN_MODEL: (404, "model_not_found"),
    Fault.BAD_REQUEST: (400, "invalid_value"),
    Fault.OVERLOADED: (503, "server_overloaded"),
    Fault.CRASH: (500, "server_error"),
    Fault.FILTERED_PROMPT: (400, "content_filter"),
}


@dataclass(frozen=True)
class Raw:
    """Bytes as they go over the wire, piece by piece, and what happens after them."""

    pieces: Sequence[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    ending: Literal["end", "abort", "silence"] = "end"


def sse(*chunks: Mapping[str, Any] | str) -> list[bytes]:
    return [
        f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk, ensure_ascii=False)}\n\n".encode()
        for chunk in chunks
    ]


def chunk(delta: Mapping[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": MODEL,
        "choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}],
        **more,
    }


def refusal(status: int, body: Any, **headers: str) -> Raw:
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/html" if text.startswith("<") else "application/json"
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Raw([text.encode()], status, {"content-type": kind, **names})


class OpenAIWire:
    """OpenAI itself. `requests` holds the bodies as they came in."""

    name = "openai"
    parts_of = "openai"
    counts_tokens = True

    def __init__(self, runner: web.AppRunner) -> None:
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._runner = runner
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.seen: list[Seen] = []
        self.asked = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.ports: set[int] = set()
        self.overflows = {label: refusal(status, body) for label, status, body in REFUSED_AS_TOO_LARGE} | {
            "OpenAI, in mid-answer": Raw(
                sse(
                    chunk({"content": "I"}),
                    {"error": {"code": "context_length_exceeded", "message": "Your input exceeds the context window."}},
                )
            ),
            "LM Studio, in mid-answer": Raw(
                [b'event: error\ndata: {"error": {"message": "Trying to keep the first 9000 tokens when context the ',
                 b'overflows. However, the model is loaded with context length of only 4096 tokens"}}\n\n'],
            ),
        }  # fmt: skip
        self._replies: list[Reply | Raw] = []

    def will(self, *replies: Reply | Raw) -> None:
        self._replies.extend(replies)

    async def shut_down(self) -> None:
        await self._runner.cleanup()

    async def provider(self, read_timeout: float = 10.0, window: int | None = None) -> Provider:
        return await connect_openai(MODEL, KEY, f"{self.address}/v1", ModelOptions(window, read_timeout=read_timeout))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("api-key") or request.headers["authorization"].removeprefix("Bearer "))
        self.ports.add(request.get_extra_info("peername")[1])
        return await self.play(request, self.raw(self._replies.pop(0), body))

    def raw(self, reply: Reply | Raw, body: Mapping[str, Any]) -> Raw:
        self.seen.append(understood(body))
        self.asked.set()
        match reply:
            case Raw():
                return reply
            case Answer():
                return Raw(sse(*self.answer(reply)))
            case Broken():
                return Raw(self.beginning(reply.place), ending=reply.how)
            case Refusal():
                return self.refuse(reply)

    async def play(self, request: web.Request, raw: Raw) -> web.StreamResponse:
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

    # --- how this server speaks ---

    def answer(self, answer: Answer) -> Iterable[Mapping[str, Any] | str]:
        yield chunk({"role": "assistant", "content": "", "refusal": None})
        for text in answer.texts:
            yield chunk({"content": text})
        yield from self.calls(answer.wishes, opaque=answer.opaque)
        reason = "tool_calls" if answer.wishes else "stop"
        yield chunk(finish={"truncated": "length", "blocked": "content_filter"}.get(answer.ending, reason))
        usage = {
            "prompt_tokens": answer.usage.input,
            "completion_tokens": answer.usage.output,
            "prompt_tokens_details": {"cached_tokens": answer.usage.cached},
        }
        yield {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": usage}
        yield "[DONE]"

    def calls(self, wishes: Sequence[Wish], *, opaque: bool) -> Iterable[Mapping[str, Any]]:
        """Ids and names first, then the argument fragments of all calls in turn."""
        fragments: list[list[str]] = []
        for index, wish in enumerate(wishes):
            text = json.dumps(wish.arguments) if wish.raw is None else wish.raw
            fragments.append([text[at : at + 5] for at in range(0, len(text), 5)])
            extra = {"extra_content": SIGNATURE} if opaque and index == 0 else {}
            function = {"name": wish.name, "arguments": ""}
            yield chunk({"tool_calls": [{"index": index, "id": f"call_{index}", "function": function, **extra}]})
        while any(fragments):
            for index, rest in enumerate(fragments):
                if rest:
                    yield chunk({"tool_calls": [{"index": index, "function": {"arguments": rest.pop(0)}}]})

    def beginning(self, place: Place) -> list[bytes]:
        call = {"index": 0, "id": "call_0", "function": {"name": "list_resources", "arguments": '{"kind": "Po'}}
        deltas: Mapping[Place, list[Mapping[str, Any]]] = {
            Place.BEFORE_THE_FIRST_BYTE: [],
            Place.IN_THE_TEXT: [{"content": "I "}, {"content": "look"}],
            Place.IN_THE_ARGUMENTS: [{"tool_calls": [call]}],
        }
        return sse(*(chunk(delta) for delta in deltas[place]))

    def refuse(self, reply: Refusal) -> Raw:
        status, code = _REFUSALS[reply.fault]
        headers = {} if reply.wait is None else {"retry_after": str(reply.wait)}
        return refusal(status, {"error": {"message": reply.says, "type": "some_error", "code": code}}, **headers)


class AzureWire(OpenAIWire):
    """Azure OpenAI: another address, another header, a first chunk of its own."""

    name = "azure"

    async def provider(self, read_timeout: float = 10.0, window: int | None = None) -> Provider:
        return await connect_azure(
            MODEL, self.address, KEY, "2025-04-01-preview", ModelOptions(window, read_timeout=read_timeout)
        )

    def answer(self, answer: Answer) -> Iterable[Mapping[str, Any] | str]:
        yield {"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
        yield from super().answer(answer)


class SloppyWire(OpenAIWire):
    """A server with all the bad habits at once: refuses stream_options, reports no usage, sends whole calls in one
    piece, all as index 0, without ids, their arguments as objects; chunks without choices; a comment now and then; no
    finish_reason where it can be left out."""

    name = "sloppy"
    counts_tokens = False

    def raw(self, reply: Reply | Raw, body: Mapping[str, Any]) -> Raw:
        if "stream_options" in body:
            self._replies.insert(0, reply)
            return refusal(422, {"object": "error", "message": "Extra inputs are not permitted: stream_options"})
        return super().raw(reply, body)

    def answer(self, answer: Answer) -> Iterable[Mapping[str, Any] | str]:
        yield {"id": None, "created": 0}
        yield {"choices": None, "usage": None}
        for text in answer.texts:
            yield {"choices": [{"delta": {"role": "assistant", "content": text, "tool_calls": None}}]}
            yield "{}\n\n: still here"
        yield from self.calls(answer.wishes, opaque=answer.opaque)
        finish = {"truncated": "length", "blocked": "content_filter"}.get(answer.ending)
        yield {"choices": [{"delta": None, "finish_reason": finish}]}
        yield "[DONE]"

    def calls(self, wishes: Sequence[Wish], *, opaque: bool) -> Iterable[Mapping[str, Any]]:
        for position, wish in enumerate(wishes):
            arguments = wish.arguments if wish.raw is None else wish.raw
            extra = {"extra_content": SIGNATURE} if opaque and position == 0 else {}
            call = {"index": 0, "id": "", "function": {"name": wish.name, "arguments": arguments}, **extra}
            yield {"choices": [{"delta": {"content": None, "tool_calls": [call]}}]}

    def refuse(self, reply: Refusal) -> Raw:
        raw = super().refuse(reply)
        body = json.loads(raw.pieces[0])
        return Raw([json.dumps([body]).encode()], raw.status, raw.headers)


def _error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


REFUSED_AS_TOO_LARGE: Sequence[tuple[str, int, Any]] = [
    ("OpenAI", 400, _error("Too long.", code="context_length_exceeded")),
    ("Azure OpenAI", 400, _error("This model's maximum context length is 8192 tokens, however you asked.", code=None)),
    ("a proxy", 413, "<html><head><title>413 Request Entity Too Large</title></head></html>"),
    ("a proxy without a body", 413, ""),
    (
        "Mistral",
        400,
        {"message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"},
    ),
    ("vLLM, old", 400, {"object": "error", "message": "This model's maximum context length is 4096 tokens."}),
    (
        "Gemini",
        400,
        [_error("The input token count (1196265) exceeds the maximum number of tokens allowed.", code=400)],
    ),
    ("llama.cpp", 400, _error("the request does not fit", type="exceed_context_size_error")),
    ("llama.cpp, old", 500, _error("Context size has been exceeded.", code=500)),
    ("Groq", 413, _error("Limit 6000, Requested 9000 on tokens per minute (TPM)", code="rate_limit_exceeded")),
    ("OpenAI's rate", 429, _error("Request too large for gpt-4o on tokens per min.", code="rate_limit_exceeded")),
    ("FastAPI", 400, {"detail": "The input (300 tokens) is longer than the model's context length (200 tokens)."}),
]


def understood(body: Mapping[str, Any]) -> Seen:
    messages: list[Mapping[str, Any]] = body["messages"]
    names: dict[str, str] = {}
    said: list[tuple[str, str]] = []
    calls: list[tuple[str, Mapping[str, Any]]] = []
    results: list[tuple[str, str]] = []
    opaque = False
    for message in messages:
        role = message["role"]
        if role == "tool":
            results.append((names[message["tool_call_id"]], message["content"]))
        elif role != "system" and message["content"] is not None:
            said.append(("model" if role == "assistant" else role, message["content"]))
        for call in message.get("tool_calls", ()):
            names[call["id"]] = call["function"]["name"]
            calls.append((call["function"]["name"], json.loads(call["function"]["arguments"])))
            opaque = opaque or call.get("extra_content") == SIGNATURE
    system = next((message["content"] for message in messages if message["role"] == "system"), "")
    return Seen(system, said, calls, results, [tool["function"]["name"] for tool in body.get("tools", ())], opaque)


@asynccontextmanager
async def serving(wire: type[OpenAIWire]) -> AsyncIterator[OpenAIWire]:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    server: OpenAIWire | None = None

    async def handle(request: web.Request) -> web.StreamResponse:
        assert server is not None
        return await server.handle(request)

    app.router.add_post("/v1/chat/completions", handle)
    app.router.add_post("/openai/deployments/{model}/chat/completions", handle)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        server = wire(runner)
        yield server
    finally:
        await runner.cleanup()
