"""Text from models and clusters can neither ping nor hide a link, however it is cut into deltas."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kubeai_bot.slack.safe_markdown import JOINER, SafeMarkdown, plain_line, safe_markdown
from tests.slack.texts import ACTIVE, TEXTS, outside_code


@given(TEXTS)
def test_nothing_active_is_left_outside_code(text: str) -> None:
    shown = safe_markdown(text)
    assert not ACTIVE.search(outside_code(shown)), shown
    shown.encode()


@given(TEXTS)
@settings(max_examples=400)
def test_a_commonmark_parser_finds_nothing_active_but_in_code(text: str) -> None:
    for token in MarkdownIt("commonmark", {"html": False}).enable("table").parse(safe_markdown(text)):
        assert token.type == "fence" or not ACTIVE.search(token.content), (token.type, token.content)
        assert not ACTIVE.search(token.info)


@given(TEXTS, st.data())
def test_the_result_does_not_depend_on_how_the_text_arrives(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    safe = SafeMarkdown()
    parts = [safe.feed(text[start:end]) for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert "".join(parts) + safe.flush() == safe_markdown(text)


@given(st.text(st.sampled_from("abc <>!@&;#[](): |*_-\n"), max_size=60).filter(lambda text: "####" not in text))
def test_nothing_is_added_but_joiners_and_nothing_lost_but_the_marks_of_images(text: str) -> None:
    assert safe_markdown(text).replace(JOINER, "") == text.replace("![", "[")


@given(st.text(max_size=400))
def test_a_line_for_a_card_is_short_and_plain(text: str) -> None:
    line = plain_line(text, 100)
    assert len(line) <= 100
    assert "\n" not in line
    assert not ACTIVE.search(line)


def test_code_in_fences_stays_as_it_is() -> None:
    code = "```bash\nif [ ! -f x ]; then echo '<!channel> @here ![a](b)' > x; fi\n#### not a heading\n```\n"
    assert safe_markdown(code) == code


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel>", f"<{JOINER}!channel>"),
        ("ask @here now", f"ask @{JOINER}here now"),
        ("ops@here.example", "ops@here.example"),
        ("[docs](https://x.example/a)", "[docs](https://x.example/a)"),
        ("[run](slack://open)", f"[run]{JOINER}(slack://open)"),
        ("[mail](mailto:a@b.example)", "[mail](mailto:a@b.example)"),
        ("![graph](https://x.example/g.png)", "[graph](https://x.example/g.png)"),
        ("#### Deep *heading* ####\ntext", "**Deep heading**\ntext"),
        ("### Kept\ntext", "### Kept\ntext"),
        ("~~~sh\n<!here>\n~~~", "```sh\n<!here>\n```"),
        ("<https://x.example/a>", "<https://x.example/a>"),
        ("<https://x.example|docs>", f"<{JOINER}https://x.example|docs>"),
        ("<https://x.exa… (9 more)", f"<{JOINER}https://x.exa… (9 more)"),
        ("<https://x.example and\n<b|docs>", f"<{JOINER}https://x.example and\n<{JOINER}b|docs>"),
        ("a < b && b > c [0] x!", "a < b && b > c [0] x!"),
        ("[INFO]: 3 pods", "[INFO]: 3 pods"),
    ],
)
def test_single_cases(text: str, shown: str) -> None:
    assert safe_markdown(text) == shown


def test_a_code_span_that_never_ends_hides_nothing() -> None:
    assert "<!channel>" not in safe_markdown("`<!channel> is a trap")


def test_a_line_is_shown_before_it_is_complete() -> None:
    safe = SafeMarkdown()
    assert safe.feed("The pod is cra") == "The pod is cra"
    assert safe.feed("shing <") == "shing "
    assert safe.feed("!channel> b") == f"<{JOINER}!channel> b"
