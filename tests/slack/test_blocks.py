"""Markdown becomes messages that Slack takes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.domain.event import ToolFinished, ToolStarted
from kubeai_bot.playground.workspace.validation import check_chunks, check_message_blocks, check_metadata
from kubeai_bot.slack.blocks import MAX_CARDS, content, escaped, markdown_blocks, plan_block, tasks_in
from kubeai_bot.slack.draft import Draft
from kubeai_bot.slack.pages import pages_of
from kubeai_bot.slack.safe_markdown import safe_markdown
from kubeai_bot.slack.thread import metadata
from tests.slack.texts import ACTIVE, TEXTS, outside_code

CELLS = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="|\\`<&[]"), max_size=12)


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() if key != "type" for text in texts_in(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    return [value] if isinstance(value, str) else []


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    draft = Draft()
    for number in range(draw(st.integers(0, 5))):
        id_ = draw(st.text(max_size=80))
        draft.apply(ToolStarted(id_, draw(st.text(max_size=300))))
        if number % 2:
            outcome = draw(st.sampled_from(("ok", "failed", "refused", "interrupted")))
            draft.apply(ToolFinished(id_, "", outcome, draw(TEXTS), draw(st.floats(0, 1e6))))
    return draft


@given(TEXTS, drafts(), st.lists(TEXTS, max_size=12))
def test_any_answer_is_a_valid_message_without_anything_active(text: str, draft: Draft, notes: list[str]) -> None:
    for page in pages_of(safe_markdown(text)) or pages_of(" "):
        shown = content(page.text, draft, notes)
        if shown.blocks:
            assert check_message_blocks(list(shown.blocks)) == []
        assert 0 < len(shown.text) <= 4_000
        assert "<" not in shown.text
        for block in shown.blocks:
            for value in texts_in(block):
                assert not ACTIVE.search(outside_code(value)), value
        assert not ACTIVE.search(outside_code(shown.markdown))


@given(drafts())
def test_any_tool_call_is_a_valid_card(draft: Draft) -> None:
    if draft.tasks:
        assert check_message_blocks([plan_block(draft.title, draft.tasks.values())]) == []
    for task in draft.tasks.values():
        chunk = {"type": "task_update", "id": task.id, "title": task.title, "status": task.status}
        assert check_chunks([{**chunk, "output": task.output}], {}) == []


@given(st.integers(1, 130), st.integers(1, 25), st.data())
def test_a_table_of_any_size_is_shown_whole(rows: int, columns: int, data: st.DataObject) -> None:
    cell = data.draw(CELLS)
    line = "| " + " | ".join([cell or "x"] * columns) + " |\n"
    text = line + "|" + "---|" * columns + "\n" + line * rows
    for page in pages_of(safe_markdown(text)):
        blocks = markdown_blocks(page.text)
        assert check_message_blocks(blocks) == []


def test_a_table_becomes_a_table_block_with_its_alignment() -> None:
    text = "Pods:\n\n| pod | restarts |\n|:----|----:|\n| `web-1` | **7** |\n| [docs](https://x.example) | |\n\nBye"
    before, table, after = markdown_blocks(text)
    assert before == {"type": "markdown", "text": "Pods:"}
    assert [[cell["text"] for cell in row] for row in table["rows"]] == [
        ["pod", "restarts"],
        ["web-1", "7"],
        ["docs (https://x.example)", " "],
    ]
    assert [column["align"] for column in table["column_settings"]] == ["left", "right"]
    assert after == {"type": "markdown", "text": "Bye"}


def test_a_second_table_is_shown_as_aligned_text() -> None:
    table = "| a | long |\n|---|---|\n| 1 | 2 |\n"
    blocks = markdown_blocks(f"{table}\nand\n\n{table}")
    assert [block["type"] for block in blocks] == ["table", "markdown"]
    assert "```\na  long\n1  2\n```" in blocks[1]["text"]


def test_code_that_looks_like_a_table_stays_code() -> None:
    text = "```\n| a | b |\n|---|---|\n| 1 | 2 |\n```"
    assert markdown_blocks(text) == [{"type": "markdown", "text": text}]


def test_more_cards_than_fit_show_the_newest() -> None:
    draft = Draft()
    for number in range(MAX_CARDS + 10):
        draft.apply(ToolStarted(f"c{number}", f"Step {number}"))
    tasks = plan_block("t", draft.tasks.values())["tasks"]
    assert len(tasks) == MAX_CARDS
    assert tasks[-1]["title"] == f"Step {MAX_CARDS + 9}"


def test_cards_can_be_read_back_from_a_message() -> None:
    draft = Draft()
    draft.apply(ToolStarted("c1", "List pods"))
    draft.apply(ToolStarted("c2", "Read logs"))
    draft.apply(ToolFinished("c1", "List pods", "ok", "3 pods", 1.25))
    assert draft.tasks["c1"].output == "3 pods · 1.2 s"
    assert tasks_in([plan_block("t", draft.tasks.values())]) == draft.tasks
    assert tasks_in([{"type": "plan"}, {"type": "section"}, {"type": "plan", "tasks": [{"status": "?"}]}]) == {}


@pytest.mark.parametrize("text", ["<!channel> & co", "&" * 5_000, "x" * 10_000])
def test_the_text_beside_the_blocks_is_an_escaped_excerpt(text: str) -> None:
    shown = escaped(text)
    assert len(shown) <= 4_000
    assert "<" not in shown


def test_the_metadata_is_valid() -> None:
    assert check_metadata(metadata("abc-1")) == []
