"""The wrappers, each around a part that a test can make fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from kubeai_bot.domain.audit import AuditEntry
from kubeai_bot.domain.cluster import Request, Resource, Response
from kubeai_bot.domain.event import TurnEnded
from kubeai_bot.domain.identity import AsBot, Speaker
from kubeai_bot.domain.session import AnswerRef, Incoming, ThreadRef, Usage
from kubeai_bot.domain.storage import Claim
from kubeai_bot.errors import (
    ApiStatus,
    AuditFailed,
    ClusterError,
    CredentialsFailed,
    ForbiddenByPolicy,
    LeaseLost,
    ProviderError,
    RateLimited,
    StoreError,
    TooLate,
    Unreachable,
)
from kubeai_bot.interfaces import ModelEvent, ModelFinished, ModelText, Showing
from kubeai_bot.stores.memory import MemoryStore
from kubeai_bot.telemetry.arrivals import Arrivals
from kubeai_bot.telemetry.audit import MeasuredAudit
from kubeai_bot.telemetry.clusters import MeasuredCluster
from kubeai_bot.telemetry.metrics import Metrics
from kubeai_bot.telemetry.provider import MeasuredProvider, Price
from kubeai_bot.telemetry.store import MeasuredStore
from kubeai_bot.telemetry.traces import Untraced
from kubeai_bot.telemetry.turns import Turns
from tests.telemetry.scraping import Scrape, reading

MIA = Speaker("T0SHOP", "U0MIA")
THREAD = ThreadRef("T0SHOP", "D0MIA", "1700000000.000100", is_dm=True)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Place:
    """Metrics of their own, and what they say."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.arrivals = Arrivals()

    @property
    def seen(self) -> Scrape:
        return reading(self.registry)


@pytest.fixture
def place() -> Place:
    return Place()


# --- the model ---


@dataclass
class Model:
    gives: list[ModelEvent | ProviderError]
    name: str = "openai"
    model: str = "gpt-9"
    window: int = 1000

    async def stream(self, system: str, messages: Any, tools: Any) -> AsyncGenerator[ModelEvent, None]:
        for each in self.gives:
            if isinstance(each, ProviderError):
                raise each
            yield each

    async def aclose(self) -> None:
        return


async def asked(place: Place, *gives: ModelEvent | ProviderError, **prices: Price) -> None:
    provider = MeasuredProvider(Model(list(gives)), place.metrics, Untraced(), prices)
    async for _ in provider.stream("", [], []):
        pass


async def test_tokens_are_counted_apart_and_cost_what_the_prices_say(place: Place) -> None:
    finished = ModelFinished("Yes.", usage=Usage(input=1_000_000, output=200_000, cached=400_000))
    await asked(place, ModelText("Yes."), finished, **{"gpt-9": Price(input=2.0, output=10.0, cached=0.5)})
    kinds = {kind: place.seen.of("kubeai_tokens_total", kind=kind) for kind in ("input", "cached", "output")}
    assert kinds == {"input": 600_000, "cached": 400_000, "output": 200_000}
    assert place.seen.of("kubeai_cost_usd_total", model="gpt-9") == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.2 * 10)


async def test_cached_tokens_cost_as_the_others_where_no_price_of_their_own_is_given(place: Place) -> None:
    finished = ModelFinished("Yes.", usage=Usage(input=1_000_000, cached=400_000))
    await asked(place, finished, **{"gpt-9": Price(input=2.0, output=10.0)})
    assert place.seen.of("kubeai_cost_usd_total") == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("gives", "outcome"),
    [
        ([RateLimited("slow down")], "rate_limited"),
        ([ModelText("Ye"), ProviderError("odd")], "error"),
        ([ModelText("Ye")], "unavailable"),
    ],
)
async def test_each_way_to_fail_has_a_name(place: Place, gives: list[Any], outcome: str) -> None:
    try:
        await asked(place, *gives)
    except ProviderError:
        assert isinstance(gives[-1], ProviderError)
    assert place.seen.of("kubeai_model_requests_total", outcome=outcome) == 1
    assert place.seen.of("kubeai_model_requests_total", outcome="ok") == 0
    assert place.seen.of("kubeai_first_token_seconds_count") == (1 if isinstance(gives[0], ModelText) else 0)


async def test_a_request_that_is_given_up_counts_as_cancelled_and_frees_the_provider(place: Place) -> None:
    provider = MeasuredProvider(Model([ModelText("a"), ModelText("b")]), place.metrics, Untraced(), {})
    events = provider.stream("", [], [])
    await anext(events)
    await events.aclose()
    assert place.seen.of("kubeai_model_requests_total", outcome="cancelled") == 1


# --- clusters ---


@dataclass
class Server:
    """Answers as told, one after the other."""

    answers: list[ClusterError | None] = field(default_factory=list)
    name: str = "demo"

    async def request(self, identity: Any, request: Request) -> Response:
        await self._next()
        return Response(200, {}, "")

    async def resources(self, max_age: float | None = None) -> Sequence[Resource]:
        await self._next()
        return ()

    async def _next(self) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


def late() -> Unreachable:
    error = Unreachable("no answer within 1 s")
    error.__cause__ = TimeoutError()
    return error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (ApiStatus(404, "NotFound", "no such pod"), "404"),
        (ApiStatus(503, "", "down"), "503"),
        (Unreachable("connection refused"), "unreachable"),
        (late(), "timeout"),
        (CredentialsFailed("no token"), "error"),
        (ClusterError("too large"), "error"),
    ],
)
async def test_requests_to_a_cluster_are_counted_by_what_came_of_them(
    place: Place, error: ClusterError | None, outcome: str
) -> None:
    cluster = MeasuredCluster(Server([error]), place.metrics, Untraced())
    with suppress(ClusterError) if error else nullcontext():
        await cluster.request(AsBot(), Request("GET", "/api/v1/namespaces/shop/pods"))
    assert place.seen.of("kubeai_cluster_requests_total", cluster="demo", outcome=outcome) == 1
    assert place.seen.of("kubeai_cluster_requests_total") == 1


@pytest.mark.parametrize("error", [ForbiddenByPolicy("no"), TooLate("no")])
async def test_what_was_never_sent_is_no_request(place: Place, error: ClusterError) -> None:
    cluster = MeasuredCluster(Server([error]), place.metrics, Untraced())
    with pytest.raises(type(error)):
        await cluster.request(AsBot(), Request("GET", "/api"))
    assert place.seen.of("kubeai_cluster_requests_total") == 0


async def test_credentials_are_doubted_after_a_401_until_the_cluster_takes_them_again(place: Place) -> None:
    server = Server()
    cluster = MeasuredCluster(server, place.metrics, Untraced())
    assert await cluster.has_credentials()
    server.answers = [ApiStatus(401, "Unauthorized", "who are you?"), ApiStatus(401, "Unauthorized", "who?")]
    with pytest.raises(ApiStatus):
        await cluster.request(AsBot(), Request("GET", "/api"))
    assert not await cluster.has_credentials(), "asked again, and refused again"
    server.answers = [Unreachable("gone")]
    assert not await cluster.has_credentials(), "a cluster that is away proves nothing"
    assert await cluster.has_credentials()


async def test_a_cluster_that_forbids_or_is_away_says_nothing_against_the_credentials(place: Place) -> None:
    server = Server([ApiStatus(403, "Forbidden", "not you"), Unreachable("gone")])
    cluster = MeasuredCluster(server, place.metrics, Untraced())
    for _ in range(2):
        with pytest.raises(ClusterError):
            await cluster.request(AsBot(), Request("GET", "/api/v1/pods"))
    assert await cluster.has_credentials()


# --- the store ---


def message(ts: str, at: datetime = NOON) -> Incoming:
    return Incoming((f"event-{ts}",), THREAD, MIA, "message", "is it?", ts, opens=True, received_at=at)


class Broken(MemoryStore):
    async def unfinished(self) -> Sequence[str]:
        raise StoreError("the database is away")


async def test_a_store_that_fails_is_counted_by_operation(place: Place) -> None:
    store = MeasuredStore(Broken(), place.metrics, Untraced(), place.arrivals)
    with pytest.raises(StoreError):
        await store.unfinished()
    assert place.seen.of("kubeai_store_errors_total", operation="unfinished") == 1


async def test_a_lost_lease_is_an_answer_and_no_failure_of_the_store(place: Place) -> None:
    store = MeasuredStore(MemoryStore(), place.metrics, Untraced(), place.arrivals)
    receipt = await store.receive(message("1.1"), Claim("a", 600))
    assert receipt.lease is not None
    assert place.seen.of("kubeai_leases_held") == 1
    await store.release(receipt.lease)
    with pytest.raises(LeaseLost):
        await store.append(receipt.lease, 0, "late")
    assert place.seen.of("kubeai_store_errors_total") == 0
    assert place.seen.of("kubeai_leases_held") == 0
    assert await store.unfinished()
    assert place.seen.of("kubeai_queue_depth") == 1


async def test_a_lease_that_expires_is_no_longer_held(place: Place) -> None:
    store = MeasuredStore(MemoryStore(), place.metrics, Untraced(), place.arrivals)
    await store.receive(message("1.1"), Claim("a", 0.0))
    assert place.seen.of("kubeai_leases_held") == 0


async def test_when_a_question_arrived_is_known_to_the_replica_that_answers_it(place: Place) -> None:
    inner = MemoryStore()
    await inner.receive(message("1.1", NOON))
    store = MeasuredStore(inner, place.metrics, Untraced(), place.arrivals)
    (session_id,) = await store.unfinished()
    assert place.arrivals.of(THREAD, "1.1") != NOON.timestamp()
    await store.load(session_id)
    assert place.arrivals.of(THREAD, "1.1") == NOON.timestamp()


# --- turns ---


def showing(record: Any) -> Showing:
    return Showing(THREAD, MIA, "t-1", "1.1", record)


class Stage:
    """Slack takes the answer from the second offer on."""

    def __init__(self) -> None:
        self.offers = 0

    def open(self, showing: Showing) -> Any:
        async def emit(event: Any) -> None:
            self.offers += 1
            await showing.record(AnswerRef(showing.turn_id, final=self.offers > 1))

        return emit


async def test_a_turn_that_is_offered_again_counts_once_from_its_arrival(place: Place) -> None:
    place.arrivals.arrived(message("1.1", NOON))
    soon = (NOON + timedelta(seconds=7)).timestamp()
    turns = Turns(place.metrics, Untraced(), place.arrivals, {}, clock=lambda: soon)
    stage = turns.shown_on(Stage())
    recorded: list[bool] = []

    async def record(answer: AnswerRef) -> None:
        recorded.append(answer.final)

    await stage.open(showing(record))(TurnEnded("answered", "Yes."))
    assert place.seen.of("kubeai_turns_total") == 0
    await stage.open(showing(record))(TurnEnded("answered", "Yes."))
    assert recorded == [False, True]
    assert place.seen.of("kubeai_turns_total", outcome="answered") == 1
    assert place.seen.of("kubeai_turn_seconds_sum") == 7


async def test_a_turn_whose_runner_lost_it_no_longer_runs(place: Place) -> None:
    turns = Turns(place.metrics, Untraced(), place.arrivals, {})
    stage = turns.shown_on(Stage())

    async def lost() -> None:
        stage.open(showing(None))
        assert place.seen.of("kubeai_turns_running") == 1

    await asyncio.create_task(lost())
    await asyncio.sleep(0)  # callbacks of the ended task
    assert place.seen.of("kubeai_turns_running") == 0


# --- the audit trail ---


class Trail:
    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken

    async def record(self, entry: AuditEntry) -> None:
        if self.broken:
            raise AuditFailed("no space")


def entry(kind: Any, **fields: Any) -> AuditEntry:
    return AuditEntry(kind, NOON, "s", "t", MIA, "mia", **fields)


async def test_a_decision_that_is_not_on_the_trail_does_not_count_but_a_call_does(place: Place) -> None:
    audit = MeasuredAudit(Trail(broken=True), place.metrics)
    for each in (entry("decision", outcome="approved"), entry("call", tool="scale", effect="write", outcome="failed")):
        with pytest.raises(AuditFailed):
            await audit.record(each)
    assert place.seen.of("kubeai_approvals_total", decision="approved") == 0
    assert place.seen.of("kubeai_tool_calls_total", tool="scale", outcome="failed") == 1


async def test_decisions_are_counted_by_their_first_word_whatever_reason_follows(place: Place) -> None:
    audit = MeasuredAudit(Trail(), place.metrics)
    for outcome in ("denied", "void: the requester's identity changed", "not counted", "something new: mia"):
        await audit.record(entry("decision", outcome=outcome))
    seen = {
        labels["decision"]: value
        for name, labels, value in place.seen.samples()
        if name == "kubeai_approvals_total" and value
    }
    assert seen == {"denied": 1, "void": 1, "not counted": 1, "other": 1}


async def test_the_start_of_a_change_is_not_counted_as_a_call_of_its_own(place: Place) -> None:
    audit = MeasuredAudit(Trail(), place.metrics)
    await audit.record(entry("call", tool="scale", effect="write", outcome="started"))
    await audit.record(entry("call", tool="scale", effect="write", verdict="approved", outcome="ok", seconds=0.3))
    assert place.seen.of("kubeai_tool_calls_total") == 1
    assert place.seen.of("kubeai_tool_seconds_sum", tool="scale") == pytest.approx(0.3)
