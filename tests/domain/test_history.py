"""What a turn may see of a session, and what fits the model's window."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.domain.history import HIDDEN, SHORTENED, cost, fit, visible
from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import (
    Failure,
    Message,
    Payload,
    Source,
    StoredMessage,
    Text,
    ToolCall,
    ToolCallRequest,
    ToolCallResponse,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def person(name: str, *groups: str) -> Identity:
    return Identity(Speaker("T", name), "mapping", KubeUser(name, groups), NOW)


MIA, OMAR = person("mia"), person("omar")


def history(*entries: tuple[str, Identity | None, Source, Payload]) -> list[StoredMessage]:
    return [
        StoredMessage(seq, Message(turn, source, payload, identity, NOW))
        for seq, (turn, identity, source, payload) in enumerate(entries, 1)
    ]


def turn(
    name: str, identity: Identity | None, found: str = "seen"
) -> list[tuple[str, Identity | None, Source, Payload]]:
    return [
        (name, identity, Source.USER, Text(f"question {name}")),
        (name, identity, Source.MODEL, ToolCallRequest((ToolCall("c", "look", {}),))),
        (name, identity, Source.AGENT, ToolCallResponse("c", "look", found)),
        (name, identity, Source.MODEL, Text(f"answer {found}")),
    ]


def test_a_person_sees_all_of_their_own_turns() -> None:
    past = history(*turn("t1", MIA), *turn("t2", MIA))
    assert visible(past, MIA) == past


def test_of_another_persons_turn_only_the_question_and_one_placeholder_remain() -> None:
    seen = visible(history(*turn("t1", OMAR, "CANARY")), MIA)
    assert [stored.message.payload for stored in seen] == [Text("question t1"), Text(HIDDEN)]


def test_a_change_of_groups_is_another_identity() -> None:
    seen = visible(history(*turn("t1", person("mia", "admins"), "CANARY")), MIA)
    assert "CANARY" not in str(seen)


def test_when_the_identity_was_resolved_makes_no_difference() -> None:
    later = Identity(MIA.speaker, MIA.method, MIA.kube, datetime(2027, 1, 1, tzinfo=UTC))
    past = history(*turn("t1", MIA))
    assert visible(past, later) == past


def test_words_of_people_without_an_identity_are_left_out() -> None:
    refused = history(("t1", None, Source.USER, Text("POISON")), ("t1", None, Source.AGENT, Failure("no", "refused")))
    assert visible(refused, MIA) == []


@given(st.lists(st.sampled_from([MIA, OMAR, person("mia", "other"), None]), max_size=12), st.sampled_from([MIA, OMAR]))
def test_no_result_seen_under_another_identity_is_ever_visible(
    identities: list[Identity | None], reader: Identity
) -> None:
    entries = [entry for n, identity in enumerate(identities) for entry in turn(f"t{n}", identity, f"CANARY-{n}-")]
    text = str(visible(history(*entries), reader))
    for n, identity in enumerate(identities):
        assert (f"CANARY-{n}-" in text) == reader.same_rights(identity)


def test_the_oldest_whole_turns_are_left_out_first() -> None:
    past = history(*turn("t1", MIA), *turn("t2", MIA), *turn("t3", MIA))
    budget = sum(map(cost, past[4:]))
    fitted = fit(past, MIA, budget)
    assert fitted.messages == past[4:]
    assert fitted.turns_left_out == 1


def test_the_newest_turn_always_stays_and_its_oldest_results_are_shortened() -> None:
    entries: list[tuple[str, Identity | None, Source, Payload]] = [("t1", MIA, Source.USER, Text("q"))]
    for n in range(5):
        entries.append(("t1", MIA, Source.MODEL, ToolCallRequest((ToolCall(f"c{n}", "look", {}),))))
        entries.append(("t1", MIA, Source.AGENT, ToolCallResponse(f"c{n}", "look", "x" * 4_000)))
    fitted = fit(history(*entries), MIA, 3_000)
    contents = [m.message.payload.content for m in fitted.messages if isinstance(m.message.payload, ToolCallResponse)]
    assert contents[0] == SHORTENED
    assert contents[-1] == "x" * 4_000
    assert len(fitted.messages) == len(entries)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=8), st.integers(0, 5000))
def test_what_is_kept_is_a_suffix_of_whole_turns(sizes: list[int], budget: int) -> None:
    past = history(*[entry for n, size in enumerate(sizes) for entry in turn(f"t{n}", MIA, "x" * size)])
    fitted = fit(past, MIA, budget)
    kept = [stored.seq for stored in fitted.messages]
    assert kept == [stored.seq for stored in past][4 * fitted.turns_left_out :]
    assert fitted.turns_left_out < len(sizes)
    if fitted.turns_left_out < len(sizes) - 1:
        assert sum(map(cost, fitted.messages)) <= budget


def test_what_does_not_fit_is_never_even_counted_among_what_another_person_saw() -> None:
    past = history(*turn("t1", OMAR, "CANARY"), *turn("t2", MIA))
    assert "CANARY" not in str(fit(past, MIA, 10**6).messages)
