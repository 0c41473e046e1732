"""What the contract suite asks of a server under test, and a small HTTP client for it."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class AuditLine:
    """One recorded request. `groups` are the impersonated ones, without system:authenticated."""

    verb: str
    path: str
    user: str
    impersonated_user: str | None
    groups: tuple[str, ...]
    extra: dict[str, tuple[str, ...]]
    code: int


class Backend(Protocol):
    """A running API server with the users of `seeding`."""

    name: str
    url: str
    verify: Any

    def audit(self) -> list[AuditLine]: ...

    def compact(self) -> None: ...


class Api:
    """Requests with one token, optionally as somebody else. Answers are decoded JSON or the raw response."""

    def __init__(self, client: httpx2.Client, headers: Sequence[tuple[str, str]] = ()) -> None:
        self._client = client
        self._headers = list(headers)

    def acting_as(self, user: str, *groups: str, **extra: str) -> Api:
        """The same token with impersonation headers; groups repeat the header, in order."""
        headers = [("Impersonate-User", user), *(("Impersonate-Group", group) for group in groups)]
        headers += [(f"Impersonate-Extra-{key}", value) for key, value in extra.items()]
        return Api(self._client, [*self._headers, *headers])

    def with_headers(self, *headers: tuple[str, str]) -> Api:
        return Api(self._client, [*self._headers, *headers])

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        accept: str = "application/json",
        content_type: str = "application/json",
        **params: str,
    ) -> httpx2.Response:
        content = None if body is None else json.dumps(body)
        return self.send_text(method, path, content, accept=accept, content_type=content_type, **params)

    def send_text(
        self,
        method: str,
        path: str,
        content: str | None,
        *,
        accept: str = "application/json",
        content_type: str = "application/json",
        **params: str,
    ) -> httpx2.Response:
        """A request with a body that is sent as it is."""
        headers = [*self._headers, ("Accept", accept)]
        if content is not None:
            headers.append(("Content-Type", content_type))
        return self._client.request(method, path, headers=headers, content=content, params=params)

    def get(self, path: str, *, accept: str = "application/json", **params: str) -> Any:
        """The JSON of a successful GET."""
        return succeeded(self.send("GET", path, accept=accept, **params))

    def table(self, path: str, **params: str) -> Any:
        return self.get(path, accept=TABLE, **params)

    def post(self, path: str, body: Any, **params: str) -> Any:
        return succeeded(self.send("POST", path, body, **params))

    def put(self, path: str, body: Any, **params: str) -> Any:
        return succeeded(self.send("PUT", path, body, **params))

    def patch(self, path: str, body: Any, content_type: str = MERGE, **params: str) -> Any:
        return succeeded(self.send("PATCH", path, body, content_type=content_type, **params))

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The Status of a request that must fail."""
        response = self.send(method, path, body, **options)
        assert response.status_code >= 400, response.text
        status = response.json()
        assert status["kind"] == "Status"
        assert status["apiVersion"] == "v1"
        assert status["status"] == "Failure"
        assert status["code"] == response.status_code
        return status

    @contextmanager
    def watching(self, path: str, **params: str) -> Generator[Iterator[Any]]:
        """The events of a watch, as they come; ends with timeoutSeconds."""
        query = {"watch": "true", "timeoutSeconds": "5", **params}
        with self._client.stream("GET", path, headers=self._headers, params=query) as response:
            assert response.status_code == 200, response.read()
            yield (json.loads(line) for line in response.iter_lines() if line.strip())


def succeeded(response: httpx2.Response) -> Any:
    assert response.status_code < 400, f"{response.request.url}: {response.status_code} {response.text}"
    return response.json()


def column(table: Any, name: str) -> list[Any]:
    """The cells of one column of a Table."""
    names = [definition["name"] for definition in table["columnDefinitions"]]
    return [row["cells"][names.index(name)] for row in table["rows"]]


def names(listed: Any) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]
