"""Addresses beside the Web API: `response_url`s, raw file uploads and downloads."""

from __future__ import annotations

import json

from aiohttp import web

from kubeai_bot.playground.workspace import events
from kubeai_bot.playground.workspace.changes import MessageDeleted
from kubeai_bot.playground.workspace.methods.chat import rewrite, say_back
from kubeai_bot.playground.workspace.state import ResponseUrl, State
from kubeai_bot.playground.workspace.wire import Json, Refused

RESPONSE_URL_USES = 5
RESPONSE_URL_LIFETIME = 1800.0
_KEYS = frozenset(
    {
        "text",
        "blocks",
        "attachments",
        "response_type",
        "replace_original",
        "delete_original",
        "thread_ts",
        "metadata",
        "unfurl_links",
        "unfurl_media",
        "mrkdwn",
    }
)


class SideDoors:
    """Handlers of `/response/…`, `/upload/v1/…` and `/files/…`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def respond(self, request: web.Request) -> web.Response:
        """A message by way of a `response_url`: five within thirty minutes, no token."""
        try:
            self._answer(self._use(request.match_info["key"]), _read(await request.text()))
        except Refused as refused:
            self._state.problem(f"response_url: {refused.error} {'; '.join(refused.messages)}".rstrip())
            return web.json_response(refused.answer(), status=404 if refused.error.endswith("_url") else 200)
        return web.json_response({"ok": True})

    def _use(self, key: str) -> ResponseUrl:
        url = self._state.response_urls.get(key)
        if url is None or self._state.clock() - url.at > RESPONSE_URL_LIFETIME:
            raise Refused("expired_url")
        if url.uses >= RESPONSE_URL_USES:
            raise Refused("used_url")
        url.uses += 1
        return url

    def _answer(self, url: ResponseUrl, body: Json) -> None:
        message = url.message
        if body.get("delete_original"):
            if message is not None and message.ephemeral_to is None:
                events.delete(self._state, message)
            elif message is not None:
                message.deleted = True
                self._state.publish(MessageDeleted(message))
        elif body.get("replace_original") and message is not None:
            rewrite(self._state, message, body)
        else:
            said = say_back(self._state, url.channel, url.user, body)
            if url.message is None:
                url.message = said

    async def upload(self, request: web.Request) -> web.Response:
        """The raw bytes of an upload, of exactly the length that was announced."""
        file = self._state.files.get(request.match_info["file_id"])
        if file is None:
            return web.Response(status=404, text="no such upload")
        content = await request.read()
        if len(content) != file.expected_length:
            self._state.problem(f"upload {file.name}: {len(content)} bytes sent, {file.expected_length} announced")
            return web.Response(status=400, text="wrong length")
        file.content, file.uploaded = content, True
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.Request) -> web.Response:
        """A private file, for the bot's token only."""
        file = self._state.files.get(request.match_info["file_id"])
        if request.headers.get("Authorization") != f"Bearer {self._state.secrets.bot_token}":
            return web.Response(status=403, text="needs the bot token")
        if file is None or not file.uploaded:
            return web.Response(status=404, text="no such file")
        return web.Response(body=file.content, content_type="application/octet-stream")


def _read(text: str) -> Json:
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise Refused("invalid_payload") from error
    if not isinstance(body, dict):
        raise Refused("invalid_payload")
    unknown = sorted(set(body) - _KEYS)
    if unknown:
        raise Refused("invalid_payload", messages=[f"unknown key: {', '.join(unknown)}"])
    return body
