"""From an authorised request to its handler, and from the handler's answer to bytes."""

from __future__ import annotations

import json
import uuid

from aiohttp import web
from multidict import CIMultiDict

from kubeai_bot.playground.cluster.deletion import Deleting
from kubeai_bot.playground.cluster.discovery import VERSION, discover
from kubeai_bot.playground.cluster.eviction import evict
from kubeai_bot.playground.cluster.exec.stream import serve_exec
from kubeai_bot.playground.cluster.logs import LogOptions, check_readable, read_options
from kubeai_bot.playground.cluster.metrics import node_metrics, pod_metrics
from kubeai_bot.playground.cluster.objects import dig, name_of
from kubeai_bot.playground.cluster.openapi import openapi_document
from kubeai_bot.playground.cluster.resources import Resources
from kubeai_bot.playground.cluster.reviews import answer_review
from kubeai_bot.playground.cluster.scale import handle_scale
from kubeai_bot.playground.cluster.selectors import label_matcher
from kubeai_bot.playground.cluster.state import METRICS_GROUP, Answer, Call, ClusterState
from kubeai_bot.playground.cluster.status import (
    ApiError,
    bad_request,
    method_not_allowed,
    no_such_resource,
    not_found,
    page_not_found,
)
from kubeai_bot.playground.cluster.watch import Watch
from kubeai_bot.playground.cluster.writing import Writing

_FOLLOW_STEP = 1.0


def json_response(answer: Answer) -> web.Response:
    headers = CIMultiDict(
        {
            "Content-Type": answer.content_type,
            "Cache-Control": "no-cache, private",
            "Audit-Id": str(uuid.uuid4()),
        }
    )
    for warning in answer.warnings:
        headers.add("Warning", f"299 - {json.dumps(warning)}")
    retry_after = dig(answer.body, "details", "retryAfterSeconds")
    if retry_after:
        headers["Retry-After"] = str(retry_after)
    return web.Response(status=answer.status, body=json.dumps(answer.body).encode() + b"\n", headers=headers)


def error_response(error: ApiError) -> web.Response:
    if error.plain:
        return web.Response(status=error.code, text=error.message)
    return json_response(Answer(error.code, error.body()))


class Dispatcher:
    """Answers requests whose user is known and allowed; raises ApiError for what cannot be served."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._resources = Resources(state)
        self._writing = Writing(state, self._resources)
        self._deleting = Deleting(state, self._resources)

    async def answer_path(self, request: web.Request) -> web.StreamResponse:
        """Requests that are not about a resource: discovery, version, OpenAPI, health."""
        path = request.path.rstrip("/") or "/"
        if request.method not in {"GET", "HEAD"}:
            raise method_not_allowed()
        if path in {"/healthz", "/livez", "/readyz"}:
            return web.Response(text="ok")
        if path == "/version":
            return json_response(Answer(200, VERSION))
        if path.split("/")[1] in {"api", "apis"}:
            found = discover(self._state.kinds(), path, request.headers.get("Accept", ""))
            return json_response(found)
        if path == "/openapi/v3" or path.startswith("/openapi/v3/"):
            return json_response(Answer(200, openapi_document(self._state.registry.all(), path)))
        if path == "/":
            paths = ["/api", "/apis", "/healthz", "/openapi/v3", "/version"]
            return json_response(Answer(200, {"paths": paths}))
        raise page_not_found()

    async def answer_resource(self, request: web.Request, call: Call) -> web.StreamResponse:
        """Requests about a resource that is served."""
        info, kind = call.info, call.kind
        if info.verb in {"create", "update", "patch"}:
            call.check_options()
        if info.subresource:
            return await self._subresource(request, call)
        check_method(request.method, call)
        if kind.group == METRICS_GROUP:
            return json_response(self._metrics(call))
        if kind.kind.endswith("Review"):
            return json_response(answer_review(self._state, call))
        if info.verb == "watch":
            return await self._watch(request, call)
        handler = {
            "get": self._resources.get,
            "list": self._resources.list,
            "create": self._writing.create,
            "update": self._writing.update,
            "patch": self._writing.patch,
            "delete": self._deleting.delete,
            "deletecollection": self._deleting.delete_all,
        }[info.verb]
        return json_response(handler(call))

    async def _subresource(self, request: web.Request, call: Call) -> web.StreamResponse:
        sub = call.kind.subresource(call.info.subresource)
        if sub is None:
            raise no_such_resource()
        if call.info.verb not in sub.verbs:
            raise method_not_allowed()
        if sub.name == "log":
            return await self._log(request, call)
        if sub.name == "scale":
            return json_response(handle_scale(self._state, self._resources, call))
        if sub.name == "exec":
            return await serve_exec(self._state, self._resources, request, call)
        if sub.name == "eviction":
            return json_response(evict(self._state, self._resources, call))
        handler = {
            "get": self._resources.get,
            "update": self._writing.update,
            "patch": self._writing.patch,
        }[call.info.verb]
        return json_response(handler(call))

    def _metrics(self, call: Call) -> Answer:
        kind, info = call.kind, call.info
        if kind.plural == "nodes":
            found = node_metrics(self._state.store)
        else:
            found = pod_metrics(self._state.store, info.namespace or None)
        if info.verb == "get":
            one = next((metrics for metrics in found if name_of(metrics) == info.name), None)
            if one is None:
                raise not_found(kind.group, kind.plural, info.name)
            return Answer(200, one)
        matches = label_matcher(call.query.get("labelSelector", ""))
        items = [metrics for metrics in found if matches(metrics)]
        return Answer(200, {"kind": kind.bulk, "apiVersion": kind.api_version, "metadata": {}, "items": items})

    async def _watch(self, request: web.Request, call: Call) -> web.StreamResponse:
        watch = Watch(self._state, self._resources, call)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        async for event in watch.events():
            await response.write(json.dumps(event).encode() + b"\n")
        await response.write_eof()
        return response

    async def _log(self, request: web.Request, call: Call) -> web.StreamResponse:
        pod = self._resources.current(call)
        options = read_options(call.query, pod)
        if not pod["spec"].get("nodeName"):
            return web.Response(status=204)
        check_readable(pod, options)
        log = self._state.logs.of(call.namespace, name_of(pod), options.container)
        lines = log.previous or [] if options.previous else log.current
        first = options.text(options.select(lines))
        if not options.follow or options.previous:
            return web.Response(body=first, content_type="text/plain")
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        await response.write(first)
        await self._follow(response, call, options, len(log.current))
        await response.write_eof()
        return response

    async def _follow(self, response: web.StreamResponse, call: Call, options: LogOptions, seen: int) -> None:
        """Sends new lines until the pod is gone; the server cancels it when the client leaves."""
        while self._state.store.get(call.kind.key, call.namespace, call.info.name) is not None:
            log = self._state.logs.of(call.namespace, call.info.name, options.container)
            new, seen = log.current[seen:], len(log.current)
            if new:
                await response.write(options.text(new))
            else:
                await self._state.logs.wait_for_news(_FOLLOW_STEP)


def check_method(method: str, call: Call) -> None:
    """ApiError for a method that this path does not take: collections are posted to, objects are put."""
    if method in {"PUT", "PATCH"} and not call.info.name:
        if call.kind.custom:
            raise bad_request("name must be provided")
        raise method_not_allowed()
    if call.info.verb not in call.kind.verbs or (method == "POST" and call.info.name):
        raise method_not_allowed()
    if method == "POST" and call.kind.namespaced and not call.info.namespace:
        raise page_not_found() if call.kind.custom else method_not_allowed()
