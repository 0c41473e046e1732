"""What every provider does, whatever its vendor."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import aclosing
from itertools import product

import pytest

from kubeai_bot.domain.message import (
    Failure,
    Source,
    StoredMessage,
    Text,
    ToolCall,
    ToolCallRequest,
    ToolCallResponse,
    ToolCallStarted,
    UserChoiceRequest,
    UserChoiceResponse,
    VendorParts,
)
from kubeai_bot.domain.session import Usage
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.errors import (
    AnswerBlocked,
    ContextOverflow,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from kubeai_bot.interfaces import ModelEvent, ModelFinished, ModelText, Provider
from tests.providers.vendor import KEY, MODEL, Answer, Broken, Fault, Place, Refusal, Vendor, Wish, transcript

LIST = ToolSpec(
    "list_resources",
    "Lists objects.",
    {"type": "object", "properties": {"kind": {"type": "string"}}, "additionalProperties": False},
)
QUESTION = transcript((Source.USER, Text("What is wrong in shop?")))
UMLAUTS = "Grüße, 世界 🚀 \u2028 \x85 ﷽"


async def ask(provider: Provider, messages: list[StoredMessage] = QUESTION) -> list[ModelEvent]:
    async with aclosing(provider.stream("You are kubeai.", messages, [LIST])) as events:
        return [event async for event in events]


async def finished(provider: Provider, messages: list[StoredMessage] = QUESTION) -> ModelFinished:
    last = (await ask(provider, messages))[-1]
    assert isinstance(last, ModelFinished)
    return last


# --- answers ---


async def test_text_arrives_in_order_and_the_whole_of_it_at_the_end(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer(["Two pods", " crash", "."]))
    *texts, last = await ask(provider)
    assert [event.text for event in texts if isinstance(event, ModelText)] == ["Two pods", " crash", "."]
    assert last == ModelFinished("Two pods crash.", usage=last.usage)  # type: ignore[union-attr]


async def test_text_is_passed_on_before_the_answer_is_complete(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Broken(Place.IN_THE_TEXT, "silence"))
    async with aclosing(provider.stream("", QUESTION, [])) as events:
        assert [(await anext(events)).text, (await anext(events)).text] == ["I ", "look"]


async def test_parallel_calls_keep_their_order_and_their_arguments(vendor: Vendor, provider: Provider) -> None:
    wishes = [
        Wish("list_resources", {"kind": "Pod", "namespace": "shop"}),
        Wish("get_logs", {"pod": "cart-1", "previous": True, "tail_lines": 20}),
        Wish("whoami"),
        Wish("list_resources", {"kind": "Event", "nested": {"deep": [1, 2, {"ü": None}]}}),
    ]
    vendor.will(Answer(["I look."], wishes))
    last = await finished(provider)
    assert [(call.name, call.arguments) for call in last.calls] == [(wish.name, wish.arguments) for wish in wishes]
    assert last.text == "I look."


async def test_calls_have_ids_that_are_unique_in_the_whole_transcript(vendor: Vendor, provider: Provider) -> None:
    vendor.will(*[Answer(wishes=[Wish("whoami"), Wish("whoami", {"kind": "Pod"})])] * 2)
    first = await finished(provider)
    results = [ToolCallResponse(call.id, call.name, "mia") for call in first.calls]
    second = await finished(provider, transcript((Source.USER, Text("?")), ToolCallRequest(first.calls), *results))
    ids = [call.id for call in (*first.calls, *second.calls)]
    assert len(set(ids)) == 4
    assert all(ids)


async def test_usage_is_counted_where_the_server_reports_it(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer(["Fine."], usage=Usage(120, 7, 64)))
    assert (await finished(provider)).usage == (Usage(120, 7, 64) if vendor.counts_tokens else Usage())


@pytest.mark.parametrize("raw", ['{"kind": "Po', "kind=Pod", "[1]", "{'kind': 'Pod'}"])
async def test_malformed_arguments_are_handed_over_as_they_came(vendor: Vendor, provider: Provider, raw: str) -> None:
    vendor.will(Answer(wishes=[Wish("list_resources", raw=raw)]))
    if vendor.parts_of == "gemini":  # which keeps them to itself: the model has to be asked again
        with pytest.raises(ProviderUnavailable, match="MALFORMED_FUNCTION_CALL"):
            await ask(provider)
        return
    (call,) = (await finished(provider)).calls
    assert (call.name, call.arguments, call.raw_arguments) == ("list_resources", None, raw)


async def test_an_empty_answer_is_finished_with_empty_text(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer())
    assert [(e.text, e.calls) for e in await ask(provider) if isinstance(e, ModelFinished)] == [("", ())]


async def test_an_answer_at_its_output_limit_is_marked_as_truncated(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer(["It goes on and"], ending="truncated"), Answer(["Done."]))
    assert [(await finished(provider)).truncated, (await finished(provider)).truncated] == [True, False]


async def test_an_answer_that_the_filter_withheld_is_an_error(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer(ending="blocked"), Refusal(Fault.FILTERED_PROMPT))
    for _ in range(2):
        with pytest.raises(AnswerBlocked):
            await ask(provider)


async def test_an_answer_that_the_filter_cut_keeps_what_was_said(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer(["The pod "], ending="blocked"))
    last = await finished(provider)
    assert (last.text, last.truncated) == ("The pod ", True)


async def test_any_text_survives_the_way_there_and_back(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer([UMLAUTS, UMLAUTS], [Wish("list_resources", {"kind": UMLAUTS})]))
    last = await finished(provider, transcript((Source.USER, Text(UMLAUTS))))
    assert last.text == UMLAUTS * 2
    assert last.calls[0].arguments == {"kind": UMLAUTS}
    assert vendor.seen[0].said == [("user", UMLAUTS)]


async def test_broken_unicode_in_the_transcript_does_not_stop_a_request(vendor: Vendor, provider: Provider) -> None:
    call = ToolCall("c1", "list_resources", {"kind": "\ud83d"}, "")
    vendor.will(Answer(["Fine."]))
    messages = transcript((Source.USER, Text("half a rocket \ud83d")), ToolCallRequest((call,), "\ude80"))
    async with aclosing(provider.stream("\udc80", messages, [LIST])) as events:
        assert [event.text async for event in events] == ["Fine.", "Fine."]


async def test_a_megabyte_of_text_goes_both_ways(vendor: Vendor, provider: Provider) -> None:
    big = "x\u00e9" * 500_000
    vendor.will(Answer([big]))
    last = await finished(provider, transcript((Source.USER, Text(big))))
    assert last.text == big
    assert vendor.seen[0].said == [("user", big)]


# --- requests ---


async def test_the_transcript_is_sent_with_every_call_answered_in_order(vendor: Vendor, provider: Provider) -> None:
    calls = (ToolCall("a", "list_resources", {"kind": "Pod"}), ToolCall("b", "whoami", {}), ToolCall("c", "top", {}))
    vendor.will(Answer(["Fine."]))
    messages = transcript(
        (Source.USER, Text("What is wrong?")),
        ToolCallRequest(calls, "I look."),
        ToolCallStarted("b"),
        ToolCallResponse("b", "whoami", "mia"),
        (Source.USER, Text("Only in shop, please.")),
        ToolCallResponse("a", "list_resources", ""),
    )
    await ask(provider, messages)
    seen = vendor.seen[0]
    assert seen.system == "You are kubeai."
    assert seen.tools == ["list_resources"]
    assert seen.said == [("user", "What is wrong?"), ("model", "I look."), ("user", "Only in shop, please.")]
    assert seen.calls == [("list_resources", {"kind": "Pod"}), ("whoami", {}), ("top", {})]
    assert [name for name, _ in seen.results] == ["list_resources", "whoami", "top"]
    assert seen.results[1] == ("whoami", "mia")
    assert "interrupted" in seen.results[2][1]


async def test_notes_and_failures_are_shown_as_what_they_are(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer(["Fine."]))
    messages = transcript(
        (Source.USER, Text("What is wrong?")),
        Text("One pod"),
        (Source.AGENT, Failure("The model did not answer.", "model-unavailable")),
        (Source.AGENT, Text("The turn was stopped.")),
        (Source.USER, Text("And now?")),
        (Source.AGENT, UserChoiceRequest("Which one?", ("cart", "search"))),
        (Source.USER, UserChoiceResponse("cart")),
    )
    await ask(provider, messages)
    said = vendor.seen[0].said
    assert [role for role, _ in said] == ["user", "model", "user", "model", "user"]
    notes = said[2][1]
    assert "The model did not answer." in notes
    assert "not from the person" in notes
    assert notes.endswith("And now?")
    assert "cart" in said[3][1]
    assert "search" in said[3][1]


async def test_malformed_arguments_go_back_to_the_model_in_a_valid_form(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer(["Fine."]))
    call = ToolCall("a", "no such\ntool!", None, '{"kind": "Po')
    await ask(provider, transcript((Source.USER, Text("?")), ToolCallRequest((call,))))
    ((_, arguments),) = vendor.seen[0].calls
    assert '{"kind": "Po' in str(arguments)


async def test_opaque_parts_go_back_to_the_vendor_and_model_that_sent_them(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer(wishes=[Wish("whoami")], opaque=True), Answer(["You are Mia."]))
    first = await finished(provider)
    assert first.vendor is not None
    assert first.vendor.vendor == vendor.parts_of
    request = ToolCallRequest(first.calls, first.text, first.vendor)
    await ask(provider, transcript((Source.USER, Text("Who am I?")), request))
    assert vendor.seen[-1].opaque_came_back


async def test_opaque_parts_of_another_vendor_are_left_out(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer(wishes=[Wish("whoami")], opaque=True), Answer(["You are Mia."]))
    first = await finished(provider)
    assert first.vendor is not None
    foreign = ToolCallRequest(first.calls, "", VendorParts("somebody-else", first.vendor.parts))
    await ask(provider, transcript((Source.USER, Text("Who am I?")), foreign))
    assert not vendor.seen[-1].opaque_came_back
    assert [name for name, _ in vendor.seen[-1].calls] == ["whoami"]


async def test_answers_without_opaque_parts_carry_none(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Answer(["Fine."], [Wish("whoami")]))
    assert (await finished(provider)).vendor is None


# --- errors ---


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RATE_LIMIT, RateLimited),
        (Fault.NO_CREDIT, QuotaExhausted),
        (Fault.OVERLOADED, ProviderUnavailable),
        (Fault.CRASH, ProviderUnavailable),
        (Fault.BAD_KEY, ProviderRefused),
        (Fault.NOT_ALLOWED, ProviderRefused),
        (Fault.UNKNOWN_MODEL, ProviderRefused),
        (Fault.BAD_REQUEST, ProviderRefused),
    ],
)
async def test_each_refusal_has_its_error(
    vendor: Vendor, provider: Provider, fault: Fault, error: type[ProviderError]
) -> None:
    vendor.will(Refusal(fault))
    with pytest.raises(error) as raised:
        await ask(provider)
    assert type(raised.value) is error
    assert raised.value.__cause__ is not None


async def test_no_request_is_repeated_behind_the_back_of_the_loop(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Refusal(Fault.CRASH), Answer(["Fine."]))
    with pytest.raises(ProviderUnavailable):
        await ask(provider)
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("fault", [Fault.BAD_KEY, Fault.NOT_ALLOWED, Fault.UNKNOWN_MODEL, Fault.BAD_REQUEST])
async def test_a_refusal_says_which_setting_to_check(vendor: Vendor, provider: Provider, fault: Fault) -> None:
    vendor.will(Refusal(fault))
    with pytest.raises(ProviderRefused, match="API_KEY|_CREDENTIALS" if fault is Fault.BAD_KEY else MODEL) as raised:
        await ask(provider)
    assert raised.value.status in (400, 401, 403, 404)


async def test_a_rate_limit_says_how_long_to_wait(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Refusal(Fault.RATE_LIMIT, wait=7), Refusal(Fault.RATE_LIMIT))
    waits: list[float | None] = []
    for _ in range(2):
        with pytest.raises(RateLimited) as raised:
            await ask(provider)
        waits.append(raised.value.retry_after)
    assert waits == [7.0, None]


async def test_a_request_that_is_too_large_is_an_overflow_in_every_wording(vendor: Vendor, provider: Provider) -> None:
    assert len(vendor.overflows) >= 2
    for label, reply in vendor.overflows.items():
        vendor.will(reply)
        try:
            await ask(provider)
        except ContextOverflow:
            continue
        except ProviderError as error:
            pytest.fail(f"{label}: {error!r}")
        pytest.fail(f"{label}: no error")


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("how", ["abort", "end"])
async def test_a_cut_answer_is_never_taken_for_a_whole_one(
    vendor: Vendor, provider: Provider, place: Place, how: str
) -> None:
    vendor.will(Broken(place, how), Answer(["Fine."]))
    with pytest.raises(ProviderUnavailable):
        await ask(provider)
    assert (await finished(provider)).text == "Fine."


@pytest.mark.parametrize("place", Place)
async def test_a_server_that_falls_silent_is_given_up_after_the_read_timeout(vendor: Vendor, place: Place) -> None:
    provider = await vendor.provider(read_timeout=0.1)
    vendor.will(Broken(place, "silence"))
    with pytest.raises(ProviderUnavailable):
        await ask(provider)
    await asyncio.wait_for(vendor.disconnected.wait(), 5)
    await provider.aclose()


async def test_the_key_and_the_request_are_in_no_error_and_no_repr(vendor: Vendor, provider: Provider) -> None:
    secret = "the customer's name is Rumpelstiltskin the Third"
    sayings = [f"Incorrect API key provided: {KEY}.", f"Your request was: {secret}"]
    for fault, says in product(Fault, sayings):
        vendor.will(Refusal(fault, says=says))
        with pytest.raises(ProviderError) as raised:
            await ask(provider, transcript((Source.USER, Text(secret))))
        told = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(raised.value.__cause__)
        assert KEY not in told
        assert secret not in told
    assert KEY not in repr(provider) + str(vars(provider))


# --- connections ---


async def test_closing_the_stream_frees_the_connection(vendor: Vendor, provider: Provider) -> None:
    vendor.will(Broken(Place.IN_THE_TEXT, "silence"))
    stream = provider.stream("", QUESTION, [])
    await anext(stream)
    await stream.aclose()
    await asyncio.wait_for(vendor.disconnected.wait(), 5)


@pytest.mark.parametrize("place", Place)
async def test_cancelling_the_reader_frees_the_connection(vendor: Vendor, provider: Provider, place: Place) -> None:
    vendor.will(Broken(place, "silence"))
    task = asyncio.create_task(ask(provider))
    await asyncio.wait_for(vendor.asked.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(vendor.disconnected.wait(), 5)


async def test_one_connection_serves_one_answer_after_the_other(vendor: Vendor, provider: Provider) -> None:
    vendor.will(*[Answer(["Fine."])] * 4)
    for _ in range(4):
        await ask(provider)
    assert len(vendor.ports) == 1


async def test_answers_that_run_side_by_side_do_not_mix(vendor: Vendor, provider: Provider) -> None:
    vendor.will(*[Answer([f"{number} ", "red", f" {number}"]) for number in range(8)])
    answers = await asyncio.gather(*(finished(provider) for _ in range(8)))
    assert sorted(answer.text for answer in answers) == [f"{number} red {number}" for number in range(8)]


async def test_an_unreachable_server_is_unavailable(vendor: Vendor) -> None:
    provider = await vendor.provider()
    await vendor.shut_down()
    with pytest.raises(ProviderUnavailable):
        await ask(provider)
    await provider.aclose()


# --- what it says of itself ---


async def test_the_window_of_an_unknown_model_is_assumed_and_can_be_set(vendor: Vendor, provider: Provider) -> None:
    wide = await vendor.provider(window=9_000)
    assert (provider.window, wide.window) == (128_000, 9_000)
    assert provider.model == MODEL
    assert provider.name in ("openai", "azure", "gemini", "vertex")
    await wide.aclose()
