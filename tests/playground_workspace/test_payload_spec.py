"""The spec of payloads agrees with `slack_sdk`'s models, and the generator of valid payloads keeps to the spec."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block, BlockElement, block_elements, blocks
from slack_sdk.models.messages.chunk import Chunk

from kubeai_bot.playground.workspace.schema import Items, Nullable, Shape, Text
from kubeai_bot.playground.workspace.shapes.blocks import IN_MESSAGE, MESSAGE_BLOCK, VIEW_BLOCK
from kubeai_bot.playground.workspace.shapes.chunks import CHUNK, CHUNKS
from kubeai_bot.playground.workspace.shapes.views import VIEW, VIEWS
from kubeai_bot.playground.workspace.validation import check_chunks, check_message_blocks, check_view
from tests.playground_workspace import valid_blocks
from tests.playground_workspace.spec_walk import records, typed_records

NOT_OURS = {"call": {"api_decoration_available", "call"}}
"""Keys that only Slack's answers carry."""

NOT_IN_THE_SDK = {
    "rich_text_quote": {"border"},
    "rich_text_preformatted": {"language"},
    "workflow_button": {"confirm"},
}
"""Keys of the reference or of `@slack/types` that the SDK's models leave out."""


def models() -> Iterator[tuple[str, set[str]]]:
    """`type` and keys of every model of a block, element or chunk that the SDK has."""
    for module in (blocks, block_elements):
        for _, model in inspect.getmembers(module, inspect.isclass):
            if issubclass(model, Block | BlockElement) and isinstance(getattr(model, "type", None), str):
                keys = set(inspect.signature(model).parameters) - {"others"}
                if model.__name__ != "LinkButtonElement":
                    yield model.type, keys - {"type"}
    for model in Chunk.__subclasses__():
        yield model.type, set(inspect.signature(model).parameters) - {"others"}


@pytest.mark.parametrize(("kind", "keys"), [pytest.param(*model, id=model[0]) for model in models()])
def test_the_spec_has_the_keys_of_the_sdks_models(kind, keys):
    """Holds without Node too; the npm schema is checked in `test_payload_schema_from_npm`."""
    found = [(set(record.needs) | set(record.may)) - {"type"} for record in typed_records()[kind]]
    wanted = keys - NOT_OURS.get(kind, set())
    assert any(wanted == ours - NOT_IN_THE_SDK.get(kind, set()) for ours in found), found


def texts(shape: Shape) -> Iterator[Text]:
    for record in records(shape):
        for inner in (*record.needs.values(), *record.may.values()):
            while isinstance(inner, Items | Nullable):
                inner = inner.item if isinstance(inner, Items) else inner.shape
            if isinstance(inner, Text):
                yield inner


def test_every_pattern_of_the_spec_has_examples_that_match():
    for root in (MESSAGE_BLOCK, VIEW_BLOCK, VIEW, CHUNK):
        for text in texts(root):
            for example in valid_blocks.PATTERNED[text.pattern] if text.pattern else ():
                assert list(text.check(example, "")) == []


@pytest.fixture(scope="module")
def samples():
    return valid_blocks.sample(5, 150)


def test_samples_are_valid_the_same_each_time_and_of_every_kind(samples):
    assert valid_blocks.sample(5, 40) == samples[:40]
    assert valid_blocks.sample(6, 40) != samples[:40]
    assert [block for block in samples if check_message_blocks([block])] == []
    shown = {kind for block in samples[: len(valid_blocks.KINDS)] for kind in valid_blocks.types_in(block)}
    assert set(typed_records()) - shown == set(VIEWS) | set(CHUNKS)
    chunks = valid_blocks.sample_chunks(3, 8)
    assert {chunk["type"] for chunk in chunks} == set(CHUNKS)
    assert [view["type"] for view in valid_blocks.sample_views(3, 4)] == ["home", "modal"] * 2


@pytest.mark.parametrize("kind", typed_records())
def test_the_generator_gives_every_key_of_a_record_and_leaves_out_every_optional_one(kind):
    for record in typed_records()[kind]:
        source = random.Random(1)
        drawn = [set(valid_blocks.Maker(source).make(record)) for _ in range(40)]
        assert set.union(*drawn) == set(record.needs) | set(record.may)
        rules = {"image": {"image_url", "slack_file"}}.get(kind, set())
        assert set.intersection(*drawn) - rules == set(record.needs)


def test_samples_are_hostile(samples):
    written = json.dumps(samples, ensure_ascii=False)
    for text in ("<script>", "onerror=", "javascript:alert(1)", "\u202e", "👩", "שלום", "__proto__"):
        assert text in written
    assert "\\u0000" in json.dumps(samples)


@settings(deadline=None)
@given(st.sampled_from(sorted(IN_MESSAGE)).flatmap(valid_blocks.valid_block))
def test_every_generated_block_is_valid(block):
    assert check_message_blocks([block]) == []


@settings(deadline=None)
@given(valid_blocks.valid_message_blocks(), valid_blocks.valid_view(), valid_blocks.valid_chunk())
def test_every_generated_message_view_and_chunk_is_valid(message, view, chunk):
    assert check_message_blocks(message) == []
    assert check_view(view) == []
    assert check_chunks([chunk], {}) == []


async def test_generated_messages_and_views_are_taken_by_the_workspace_as_they_are(workspace, client):
    source = random.Random(9)
    for blocks_of_one in valid_blocks.sample_messages(9, 60):
        answer = await client.chat_postMessage(channel="D0MIA", text="x", blocks=blocks_of_one)
        assert [block["type"] for block in answer["message"]["blocks"]] == [b["type"] for b in blocks_of_one]
    for view in valid_blocks.sample_views(source.randrange(100), 20):
        if view["type"] == "home":
            await client.views_publish(user_id="U0MIA", view=view)
    workspace.assert_no_problems()
