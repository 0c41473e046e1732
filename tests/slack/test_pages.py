"""Long answers are cut into messages without losing a character or breaking code."""

from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.slack.fences import opened_by
from kubeai_bot.slack.pages import PAGE_BYTES, cut, pages_of, size
from kubeai_bot.slack.safe_markdown import safe_markdown
from tests.slack.texts import ACTIVE, TEXTS, outside_code


def open_fence_at_end(text: str) -> bool:
    fence = None
    for line in text.split("\n"):
        if fence is None:
            fence = opened_by(line)
        elif fence.closed_by(line):
            fence = None
    return fence is not None


@given(TEXTS, st.integers(60, 200))
def test_the_bodies_of_the_pages_are_the_text(text: str, budget: int) -> None:
    safe = safe_markdown(text)
    pages = pages_of(safe, budget)
    assert "".join(page.body for page in pages) == safe
    assert all(page.body for page in pages)


@given(TEXTS, st.integers(120, 300))
def test_a_page_stands_on_its_own_and_keeps_to_its_size(text: str, budget: int) -> None:
    pages = pages_of(safe_markdown(text), budget)
    for page in pages:
        assert size(page.text) <= budget
        assert not ACTIVE.search(outside_code(page.text)), page
    for page in pages[:-1]:
        assert not open_fence_at_end(page.text), page


@given(st.text(min_size=1), st.integers(1, 50))
def test_a_cut_never_splits_a_character_and_always_moves_on(text: str, room: int) -> None:
    head, rest = cut(text, room)
    assert head
    assert head + rest == text
    assert size(head) <= max(room, 4)


@given(st.text(st.sampled_from("ab \n`|-"), min_size=1, max_size=400), st.text("cd\n", max_size=50))
def test_a_text_that_grows_keeps_its_finished_pages(text: str, more: str) -> None:
    before, after = pages_of(text, 60), pages_of(text + more, 60)
    assert [page.text for page in before[:-2]] == [page.text for page in after[: max(len(before) - 2, 0)]]


def test_code_is_closed_and_opened_again_in_its_language() -> None:
    text = "Look:\n\n```yaml\n" + "key: value\n" * 40 + "```\ndone"
    first, second, *_ = pages_of(text, 300)
    assert first.text.endswith("\n```")
    assert second.text.startswith("```yaml\nkey: value\n")


def test_a_table_gets_its_head_again() -> None:
    head = "| pod | state |\n|-----|-------|\n"
    pages = pages_of(head + "| web-1 | Running |\n" * 30 + "\nafter", 300)
    assert len(pages) > 2
    assert all(page.text.startswith(head) for page in pages)


def test_an_answer_of_ordinary_length_is_one_page() -> None:
    text = "All is well.\n\n" * 100
    assert [page.text for page in pages_of(text)] == [text]
    assert size(text) < PAGE_BYTES
