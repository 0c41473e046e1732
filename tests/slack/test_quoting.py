"""A message as quoted text, whatever is in it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.slack.quoting import MOST_CHARACTERS, author_of, quoted

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["type", "text", "elements", "fields", "value", "title", "rows", "blocks", "url"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=25,
)


def test_rich_text_tables_and_code_are_read_in_order() -> None:
    rich = {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "see "}, link("https://x.example")]},
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "panic: nil\n  at main.go"}]},
        ],
    }
    table = {
        "type": "table",
        "rows": [[{"type": "raw_text", "text": "pod"}, {"type": "raw_text", "text": "restarts"}]],
    }
    message = {"bot_id": "B1", "text": "", "blocks": [rich, table]}
    assert quoted(message) == "> see https://x.example\n> panic: nil\n>   at main.go\n> pod | restarts"


def link(url: str) -> dict[str, Any]:
    return {"type": "link", "url": url}


def test_what_a_person_typed_is_read_once() -> None:
    blocks = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"text": "a b"}]}]}]
    assert quoted({"user": "U1", "text": "*a* b &lt;c&gt;", "blocks": blocks}) == "> *a* b <c>"


def test_files_are_named_and_an_attachment_without_text_gives_its_fallback() -> None:
    message = {"text": "", "attachments": [{"fallback": "CPU at 99 %"}], "files": [{"name": "core.dump"}]}
    assert quoted(message) == "> CPU at 99 %\n> [file: core.dump]"


def test_a_long_message_is_cut_and_says_so() -> None:
    text = "\n".join(f"line {number} of a long log" for number in range(2_000))
    quote = quoted({"text": text})
    assert len(quote) < 2 * MOST_CHARACTERS
    assert quote.endswith("(cut)")


@given(JSON, JSON, st.text(max_size=40))
def test_any_message_can_be_quoted_and_nothing_escapes_the_quotation(blocks: Any, attachments: Any, text: str) -> None:
    message = {"bot_id": "B1", "text": text, "blocks": blocks, "attachments": attachments, "username": text}
    quote = quoted(message)
    assert all(line.startswith("> ") for line in quote.splitlines())
    assert len(author_of(message).splitlines()) == 1
