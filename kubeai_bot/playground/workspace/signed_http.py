"""Signed HTTP: posts events, interactions and commands to the app's request URL, as Slack does without Socket Mode."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from urllib.parse import urlencode

import aiohttp
from slack_sdk.signature import SignatureVerifier

from kubeai_bot.playground.workspace.courier import Retry
from kubeai_bot.playground.workspace.journal import Attempt, Delivery
from kubeai_bot.playground.workspace.wire import Json


class SignedHttp:
    """Posts to one of the app's replicas, chosen at random.

    The timestamp that is signed is the machine's, not the workspace's clock: the app compares it with its own.
    """

    name = "http"

    def __init__(self, signing_secret: str, urls: Sequence[str]) -> None:
        self._signer = SignatureVerifier(signing_secret)
        self._urls = tuple(urls)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, delivery: Delivery, retry: Retry | None, timeout: float) -> tuple[Attempt, Json | None]:
        """Posts one envelope's payload. A 2xx answer is the ack, its JSON body (if any) the ack's payload."""
        body, content_type = _encode(delivery)
        headers = self.sign(body) | {"Content-Type": content_type}
        if retry is not None:
            headers |= {"X-Slack-Retry-Num": str(retry.number), "X-Slack-Retry-Reason": retry.reason}
        url = secrets.choice(self._urls)
        number, started = retry.number if retry else 0, time.monotonic()

        def ended(outcome: str, status: int | None = None) -> Attempt:
            return Attempt(number, url, outcome, status, time.monotonic() - started)

        try:
            async with asyncio.timeout(timeout), self._client().post(url, data=body, headers=headers) as answer:
                payload = _decode(await answer.read(), answer.content_type)
        except TimeoutError:
            return ended("timeout"), None
        except aiohttp.ClientError:
            return ended("connection_failed"), None
        if 200 <= answer.status < 300:
            return ended("acked", answer.status), payload
        stop = answer.headers.get("X-Slack-No-Retry") == "1"
        return ended("no_retry" if stop else "http_error", answer.status), None

    def sign(self, body: str) -> dict[str, str]:
        """Slack's v0 signature over the timestamp and the raw body."""
        timestamp = str(int(time.time()))
        signature = self._signer.generate_signature(timestamp=timestamp, body=body)
        return {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": str(signature),
            "User-Agent": "Slackbot 1.0 (simulator)",
        }

    async def verify_url(self, token: str) -> bool:
        """The `url_verification` handshake with every replica: each must answer with the challenge."""
        for url in self._urls:
            challenge = secrets.token_urlsafe(24)
            body = json.dumps({"token": token, "challenge": challenge, "type": "url_verification"})
            headers = self.sign(body) | {"Content-Type": "application/json"}
            async with self._client().post(url, data=body, headers=headers) as answer:
                text = await answer.text()
            if answer.status != 200 or challenge not in text:
                return False
        return True

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        return self._session


def _encode(delivery: Delivery) -> tuple[str, str]:
    """Events travel as JSON, interactions as a form with one JSON field, commands as a plain form."""
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload), "application/json"
    form = "application/x-www-form-urlencoded"
    if delivery.kind == "interactive":
        return urlencode({"payload": json.dumps(delivery.payload)}), form
    return urlencode(delivery.payload), form


def _decode(body: bytes, content_type: str) -> Json | None:
    if not body:
        return None
    text = body.decode(errors="replace")
    if content_type == "application/json":
        try:
            decoded = json.loads(text)
        except json.JSONDecodeError:
            return None
        return decoded if isinstance(decoded, dict) else None
    return {"text": text}
