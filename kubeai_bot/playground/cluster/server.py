"""A Kubernetes API server for one loopback port: the demo cluster of the playground and the tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType
from typing import Self

import yaml
from aiohttp import web

from kubeai_bot.playground.cluster.authn import ADMIN_TOKEN, BOT_TOKEN, User, authenticate
from kubeai_bot.playground.cluster.bodies import Body, read_body
from kubeai_bot.playground.cluster.certificate import ServerCertificate
from kubeai_bot.playground.cluster.controllers import Controllers
from kubeai_bot.playground.cluster.discovery import unknown_resource
from kubeai_bot.playground.cluster.dispatch import Dispatcher, error_response
from kubeai_bot.playground.cluster.impersonation import read_headers
from kubeai_bot.playground.cluster.interference import CutOff, Hook, Injected, RecordedRequest
from kubeai_bot.playground.cluster.objects import Obj
from kubeai_bot.playground.cluster.requestinfo import RequestInfo, read_request
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.state import Call, ClusterState
from kubeai_bot.playground.cluster.status import ApiError

__all__ = ["ADMIN_TOKEN", "BOT_TOKEN", "DemoCluster"]

_LARGEST_BODY = 3 * 1024 * 1024
_HOST = "127.0.0.1"
_RECORD = web.RequestKey("record", RecordedRequest)


class DemoCluster:
    """Serves a Scenario on 127.0.0.1 while its `async with` block runs.

    `requests` is the audit log, in order of arrival; `watchers` are called for each request when it is understood and
    again when its answer begins. `on_request` takes hooks that delay, fail or cut off requests (see `interference`).
    `state` holds the store, the logs and the switches `tables` and `metrics`. With a
    `certificate` it speaks HTTPS, which kubectl needs: over plain HTTP kubectl sends no token.
    """

    def __init__(self, scenario: Scenario, *, port: int = 0, certificate: ServerCertificate | None = None) -> None:
        self.scenario = scenario
        self._certificate = certificate
        self.state = ClusterState()
        self.requests: list[RecordedRequest] = []
        self.on_request: list[Hook] = []
        self.watchers: list[Callable[[RecordedRequest], None]] = []
        self._port = port
        self._dispatcher = Dispatcher(self.state)
        self._controllers = Controllers(self.state, scenario.kubelet)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._certificate else 'http'}://{_HOST}:{self._port}"

    async def __aenter__(self) -> Self:
        tls = self._certificate.context() if self._certificate else None
        self.scenario.install(self.state)
        self._controllers.start()
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.on_response_prepare.append(self._note_status)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, self._port, ssl_context=tls)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controllers.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    def kubeconfig(self, token: str = BOT_TOKEN, namespace: str | None = None) -> str:
        """A kubeconfig as YAML text: cluster, user and context are all named `demo`."""
        context = {"cluster": "demo", "user": "demo", **({"namespace": namespace} if namespace else {})}
        cluster = {"server": self.url}
        if self._certificate:
            cluster["certificate-authority-data"] = self._certificate.authority_data()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "demo", "cluster": cluster}],
            "users": [{"name": "demo", "user": {"token": token}}],
            "contexts": [{"name": "demo", "context": context}],
            "current-context": "demo",
        }
        return yaml.safe_dump(config, sort_keys=False)

    def find(self, group: str, resource: str, namespace: str, name: str) -> Obj | None:
        """The stored object, past all authorization; `namespace` is empty for cluster-scoped kinds."""
        return self.state.store.get((group, resource), namespace, name)

    def add_token(self, token: str, user: str, groups: tuple[str, ...] = ()) -> None:
        """Lets `token` authenticate as a user, who is also in system:authenticated."""
        self.state.tokens[token] = User(user, (*groups, "system:authenticated"))

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name != "Authorization"}
        record = RecordedRequest(request.method, request.path, dict(request.query), headers=headers)
        self.requests.append(record)
        request[_RECORD] = record
        try:
            response = await self._answer(request, record)
        except ApiError as error:
            response = error_response(error)
        except CutOff:
            if request.transport is not None:
                request.transport.abort()
            response = web.Response(status=500)
        return response

    async def _answer(self, request: web.Request, record: RecordedRequest) -> web.StreamResponse:
        info = read_request(request.method, request.path, request.query)
        record.verb = info.verb
        user = authenticate(self.state.tokens, request.headers.get("Authorization"))
        record.user = user.name
        wanted = read_headers(request.headers)
        if wanted is not None:
            record.impersonated_user = wanted.name
            record.impersonated_groups = wanted.groups
            record.impersonated_extra = wanted.extra
        body = read_body(await request.read(), request.headers.get("Content-Type", ""))
        record.body = body.value
        self._tell(record)
        for hook in self.on_request:
            injected = await hook(record)
            if injected is not None:
                return _injected(injected)
        if wanted is not None:
            user = self.state.impersonation.impersonate(user, wanted, info)
        self.state.authorizer.require(user, info)
        if not info.is_resource:
            return await self._dispatcher.answer_path(request)
        return await self._dispatcher.answer_resource(request, self._call(request, body, info, user))

    async def _note_status(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Writes the status into the request log as the answer begins, which for a watch is long before it ends."""
        record = request[_RECORD]
        record.status = response.status
        record.size = response.content_length
        self._tell(record)

    def _tell(self, record: RecordedRequest) -> None:
        for watcher in self.watchers:
            watcher(record)

    def _call(self, request: web.Request, body: Body, info: RequestInfo, user: User) -> Call:
        kind = self.state.kind_of(info)
        if kind is None:
            raise unknown_resource(self.state.kinds(), info.group)
        return Call(
            info=info,
            kind=kind,
            user=user,
            query=request.query,
            accept=request.headers.get("Accept", ""),
            content_type=request.headers.get("Content-Type", ""),
            agent=request.headers.get("User-Agent", "unknown").split("/")[0],
            body=body.require(request.method, kind.kind),
        )


def _injected(answer: Injected) -> web.Response:
    body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    content_type = "text/plain" if isinstance(answer.body, str) else "application/json"
    headers = {"Content-Type": content_type, **answer.headers}
    return web.Response(status=answer.status, body=body.encode(), headers=headers)
