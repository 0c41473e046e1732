"""Asynchronous requests to a demo cluster, as the administrator, the bot or a person through the bot."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2

from kubeai_bot.playground.cluster.server import DemoCluster

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE = "application/merge-patch+json"
WAIT_SECONDS = 20.0

MIA = ("mia@shop.example", "shop-developers")
OMAR = ("omar@shop.example", "platform-engineers")
ROOT = ("root@shop.example", "shop-admins")
SHARED = ("kubeai-shared", "kubeai-readers")


class Requests:
    """A client of one cluster with one token."""

    def __init__(self, client: httpx2.AsyncClient, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.client = client
        self._headers = headers

    @property
    def headers(self) -> dict[str, str]:
        """All headers of its requests, for clients of another kind; one impersonated group at most."""
        return {"Authorization": self.client.headers["Authorization"], **dict(self._headers)}

    def acting_as(self, user: str, *groups: str) -> Requests:
        groups_named = tuple(("Impersonate-Group", group) for group in groups)
        return Requests(self.client, (("Impersonate-User", user), *groups_named))

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        accept: str = "application/json",
        content_type: str = "",
        **params: str,
    ) -> httpx2.Response:
        headers = [*self._headers, ("Accept", accept)]
        if body is not None:
            usual = MERGE if method == "PATCH" else "application/json"
            headers.append(("Content-Type", content_type or usual))
        content = None if body is None else json.dumps(body)
        return await self.client.request(method, path, headers=headers, content=content, params=params)

    async def get(self, path: str, *, accept: str = "application/json", **params: str) -> Any:
        response = await self.send("GET", path, accept=accept, **params)
        assert response.status_code == 200, response.text
        return response.json()

    async def text(self, path: str, **params: str) -> str:
        response = await self.send("GET", path, **params)
        assert response.status_code == 200, response.text
        return response.text

    async def post(self, path: str, body: Any, **params: str) -> Any:
        response = await self.send("POST", path, body, **params)
        assert response.status_code == 201, response.text
        return response.json()

    async def patch(self, path: str, body: Any, **params: str) -> Any:
        response = await self.send("PATCH", path, body, **params)
        assert response.status_code == 200, response.text
        return response.json()

    async def status(self, path: str, method: str = "GET", **params: str) -> int:
        return (await self.send(method, path, **params)).status_code

    async def watch(self, path: str, **params: str) -> AsyncIterator[Any]:
        query = {"watch": "true", "timeoutSeconds": "5", **params}
        async with self.client.stream("GET", path, headers=list(self._headers), params=query) as response:
            async for line in response.aiter_lines():
                yield json.loads(line)


def client_of(cluster: DemoCluster, token: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=cluster.url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=WAIT_SECONDS,
        trust_env=False,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # plain HTTP: spares loading the trust store
    )


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits for a condition, at most WAIT_SECONDS."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_SECONDS
    while not await condition():
        assert loop.time() < deadline, what
        await asyncio.sleep(0.02)


def ready_pods(listed: Any) -> list[str]:
    """Names of the pods of a PodList whose Ready condition is True and that are not on their way out."""
    return [
        pod["metadata"]["name"]
        for pod in listed["items"]
        if "deletionTimestamp" not in pod["metadata"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
    ]
