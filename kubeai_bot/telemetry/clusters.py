"""Requests to API servers, and whether the bot's own credentials are good."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from kubeai_bot.domain.api_path import acts_on
from kubeai_bot.domain.cluster import Command, CommandOutput, Request, Resource, Response
from kubeai_bot.domain.identity import ClusterIdentity
from kubeai_bot.errors import (
    ApiStatus,
    ClusterError,
    CredentialsFailed,
    ForbiddenByPolicy,
    TooLate,
    Unreachable,
)
from kubeai_bot.interfaces import Cluster
from kubeai_bot.telemetry.metrics import Metrics
from kubeai_bot.telemetry.traces import Span, Traces

UNAUTHORIZED = 401


class MeasuredCluster:
    """Passes every request on to `cluster`. Discovery is counted only where it fails: mostly it is cached."""

    def __init__(self, cluster: Cluster, metrics: Metrics, traces: Traces) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._traces = traces
        self._rejected = False
        metrics.cluster_requests.labels(cluster.name, "ok")

    @property
    def name(self) -> str:
        return self._cluster.name

    async def request(self, identity: ClusterIdentity, request: Request) -> Response:
        resource = _resource(request)
        with self._watched(f"{request.method} {resource}", request.method, resource) as span:
            response = await self._cluster.request(identity, request)
            span.note({"http.response.status_code": response.status})
            return response

    async def exec(self, identity: ClusterIdentity, command: Command) -> CommandOutput:
        with self._watched("exec pods", "GET", "pods/exec"):
            return await self._cluster.exec(identity, command)

    @contextmanager
    def _watched(self, name: str, method: str, resource: str) -> Generator[Span]:
        """Counts and times what is sent within; what was never sent does not count."""
        what = {
            "http.request.method": method,
            "k8s.cluster.name": self.name,
            "kubeai.cluster.resource": resource,
        }
        began = time.monotonic()
        try:
            with self._traces.span(name, what, client=True) as span:
                yield span
        except (ForbiddenByPolicy, TooLate):  # never sent
            raise
        except ClusterError as error:
            self._heard(error)
            self._ended(outcome_of(error), began)
            raise
        except asyncio.CancelledError:
            self._ended("cancelled", began)
            raise
        self._heard(None)
        self._ended("ok", began)

    async def resources(self, max_age: float | None = None) -> Sequence[Resource]:
        try:
            return await self._cluster.resources(max_age)
        except ClusterError as error:
            self._heard(error)
            self._metrics.cluster_requests.labels(self.name, outcome_of(error)).inc()
            raise

    async def has_credentials(self) -> bool:
        """Whether this program can prove who it is; asked of the cluster only where it could not the last time. A
        cluster that cannot be reached says nothing about that."""
        if self._rejected:
            try:
                await self.resources(0.0)
            except ClusterError:
                return not self._rejected
            self._rejected = False
        return True

    def _heard(self, error: ClusterError | None) -> None:
        """What the end of an exchange says about the credentials."""
        match error:
            case CredentialsFailed():
                self._rejected = True
            case ApiStatus():
                self._rejected = error.code == UNAUTHORIZED
            case None:
                self._rejected = False
            case _:
                pass

    def _ended(self, outcome: str, began: float) -> None:
        self._metrics.cluster_requests.labels(self.name, outcome).inc()
        self._metrics.cluster_seconds.labels(self.name).observe(time.monotonic() - began)


def outcome_of(error: ClusterError) -> str:
    """The HTTP status, or why there is none: unreachable, timeout, error (credentials and answers that cannot be
    read)."""
    match error:
        case ApiStatus():
            return str(error.code)
        case Unreachable():
            return "timeout" if _took_too_long(error.__cause__) else "unreachable"
        case _:
            return "error"


def _took_too_long(cause: BaseException | None) -> bool:
    """Python's own TimeoutError, or the HTTP library's TimeoutException, which this room does not import."""
    return any(each.__name__ in ("TimeoutError", "TimeoutException") for each in type(cause).__mro__)


def _resource(request: Request) -> str:
    """The resource type that the path addresses: no namespace, no name."""
    try:
        acts = acts_on(request.path)
    except ValueError:
        return "other"
    return acts[1] if acts else "discovery"
