"""Hypothesis strategies for everything that a store can be given."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import hypothesis.strategies as st

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import (
    Failure,
    Message,
    Source,
    Text,
    ToolCall,
    ToolCallRequest,
    ToolCallResponse,
    ToolCallStarted,
    UserChoiceRequest,
    UserChoiceResponse,
    UserInputRequest,
    UserInputResponse,
    VendorParts,
)
from kubeai_bot.domain.session import (
    AgentState,
    AnswerRef,
    Feedback,
    InboxItem,
    Incoming,
    Session,
    ThreadRef,
    TurnRecord,
    TurnRef,
    Usage,
)
from kubeai_bot.domain.storage import KEEP, SessionChange

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

# Any code point, surrogates too; a pair of them is one character in JSON and is left to a test of its own.
texts = st.text(st.characters(exclude_categories=())).filter(lambda text: _PAIR.search(text) is None)
numbers = st.integers(-(2**70), 2**70)
counts = st.integers(0, 2**53)
floats = st.floats(allow_nan=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(texts, json_values, max_size=3)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1), timezones=zones)  # noqa: DTZ001 - bounds are naive
utc_times = times.map(lambda at: at.astimezone(UTC))

speakers = st.builds(Speaker, texts, texts)
names = st.from_regex(r"\A[a-z0-9@.üж-]{1,12}\Z")
kube_users = st.builds(KubeUser, names, st.lists(names, max_size=3).map(tuple))
per_cluster = st.lists(st.tuples(texts, kube_users), max_size=2).map(tuple)
identities = st.builds(
    Identity, speakers, st.sampled_from(["shared", "mapping"]), kube_users, times, per_cluster
) | st.builds(Identity, speakers, st.just("kubeconfig"), st.none(), times)
maybe_identities = st.none() | identities

vendors = st.none() | st.builds(VendorParts, texts, json_objects)
calls = st.builds(ToolCall, texts, texts, st.none() | json_objects, texts)
payloads = st.one_of(
    st.builds(Text, texts, vendors),
    st.builds(Failure, texts, texts),
    st.builds(ToolCallRequest, st.lists(calls, max_size=3).map(tuple), texts, vendors),
    st.builds(ToolCallStarted, texts),
    st.builds(ToolCallResponse, texts, texts, texts, st.booleans(), st.booleans(), texts, floats),
    st.builds(UserInputRequest, texts),
    st.builds(UserInputResponse, texts),
    st.builds(UserChoiceRequest, texts, st.lists(texts, max_size=3).map(tuple)),
    st.builds(UserChoiceResponse, texts),
)
messages = st.builds(
    Message, texts, st.sampled_from(Source), payloads, maybe_identities, times, st.none() | speakers, json_objects
)

threads = st.builds(ThreadRef, texts, texts, texts, is_dm=st.booleans())
turns = st.builds(TurnRef, texts, maybe_identities, texts, times, st.booleans())
answers = st.builds(AnswerRef, texts, st.booleans(), st.lists(texts, max_size=3).map(tuple), st.booleans())
usages = st.builds(Usage, counts, counts, counts)
sessions = st.builds(
    Session,
    id=texts,
    name=texts,
    thread=threads,
    slack_user_id=texts,
    provider=texts,
    model=texts,
    created_at=times,
    modified_at=times,
    agent_state=st.sampled_from(AgentState),
    turn=st.none() | turns,
    answer=st.none() | answers,
    last_identity=maybe_identities,
    mcp_status=json_objects,
    usage=usages,
    start_seq=counts,
    last_seq=counts,
    metadata=json_objects,
    approval=json_objects,
    follows_expired=st.booleans(),
)
kept = st.just(KEEP)
changes = st.builds(
    SessionChange,
    agent_state=kept | st.sampled_from(AgentState),
    turn=kept | st.none() | turns,
    answer=kept | st.none() | answers,
    last_identity=kept | maybe_identities,
    mcp_status=kept | json_objects,
    start_seq=kept | counts,
    name=kept | texts,
    approval=kept | json_objects,
    provider=kept | texts,
    model=kept | texts,
    metadata=kept | json_objects,
    add_usage=usages,
)

kinds = st.sampled_from(["message", "stop", "clear", "help", "status", "stored", "forget"])
keys = st.lists(texts, max_size=3).map(tuple)
incomings = st.builds(Incoming, keys, threads, speakers, kinds, texts, texts, st.booleans(), times)
inbox_items = st.builds(InboxItem, counts, texts, incomings)
turn_records = st.builds(TurnRecord, texts, st.none() | texts, times, times, st.booleans())
feedbacks = st.builds(Feedback, texts, texts, st.sampled_from(["positive", "negative"]), texts, times, times)
