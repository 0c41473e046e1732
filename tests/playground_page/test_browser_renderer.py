"""The page's renderer in a real browser: whatever Slack takes is drawn, and nothing of it runs."""

from __future__ import annotations

import json
import os
import random

import pytest
from playwright.async_api import Browser

from tests.playground_page.browser import NEEDS_CHROMIUM, chromium, visiting
from tests.playground_workspace.valid_blocks import HOSTILE, sample, sample_chunks, sample_messages, sample_views

__all__ = ["chromium"]

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]


def seed() -> int:
    """From the environment, to repeat a failure; else a fresh one. Printed, so that a failure names it."""
    chosen = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    print(f"SEED={chosen}")  # noqa: T201
    return chosen


async def test_every_block_that_slack_takes_is_drawn_and_nothing_of_it_runs(chromium: Browser) -> None:
    start = seed()
    streamed = [chunk["blocks"] for chunk in sample_chunks(start, 80) if chunk["type"] == "blocks"]
    messages = [[block] for block in sample(start, 400)] + sample_messages(start, 40) + streamed
    async with visiting(chromium, bot=False) as visit:
        found, pwned = await visit.check("drawBlocks", [json.dumps(messages), False])
        assert found == []
        forms = [view["blocks"] for view in sample_views(start, 40)]
        found, pwned_by_form = await visit.check("drawBlocks", [json.dumps(forms), True])
        assert found == []
        assert (pwned, pwned_by_form) == ("undefined", "undefined")


async def test_any_text_is_drawn_quickly_as_markdown_and_as_mrkdwn(chromium: Browser) -> None:
    source = random.Random(seed())
    pieces = [
        *HOSTILE,
        *(
            "`",
            "``",
            "```",
            "~~~\n",
            "*",
            "**",
            "_",
            "__",
            "~",
            "~~",
            "[",
            "](",
            ")",
            "<",
            ">",
            "|",
            "|---|",
            "\n",
            "\n\n",
        ),
        *(
            "- ",
            "1. ",
            "> ",
            "# ",
            "\\",
            "&lt;",
            "&#x41;",
            "&",
            "!",
            "<!date^1^{date}|x>",
            "https://a.example/b_c",
            ":eyes:",
        ),
    ]
    texts = ["".join(source.choices(pieces, k=source.randrange(1, 40))) for _ in range(400)]
    texts += [
        piece * (12_000 // len(piece))
        for piece in ("`", "*a ", "**a ", "[", "[a](", "> ", "_a ", "~~a ", "<", "- ", "|a", "``a", "&gt;")
    ]
    texts += ["\n".join("  " * depth + "- x" for depth in range(200)), ">" * 3_000 + "x", "\ud800 \udc00"]
    async with visiting(chromium, bot=False) as visit:
        found, milliseconds = await visit.check("drawTexts", texts)
        assert found == []
        assert milliseconds < 5_000


MARKS = [
    (
        "mrkdwn",
        "*b* _i_ ~s~ `c` 2*3*4 snake_case_name",
        "<strong>b</strong> <em>i</em> <s>s</s> <code>c</code> 2*3*4 snake_case_name",
    ),
    (
        "mrkdwn",
        "<https://a.example/?x=1&amp;y|label> <@U0MIA> <@U0ELSE> <#C0ONCALL> <!here>",
        (
            '<a href="https://a.example/?x=1&amp;y">label</a> <span>@Mia</span> '
            "<span>@U0ELSE</span> <span>#shop-oncall</span> <span>@here</span>"
        ),
    ),
    ("mrkdwn", "<javascript:alert(1)|click>", "<span>click (javascript:alert(1))</span>"),
    (
        "mrkdwn",
        "&gt; quoted\nnot ```a *b*\n&lt;c&gt;```",
        "<blockquote>quoted</blockquote>not <pre><code>a *b*\n&lt;c&gt;</code></pre>",
    ),
    ("mrkdwn", ":white_check_mark: :unknown_name:", "✅ :unknown_name:"),
    ("mrkdwn", "<!date^0^{date_num}|then>", '<time datetime="1970-01-01T00:00:00.000Z">1970-01-01</time>'),
    (
        "markdown",
        "# T\n\nA **b** *i* ~~s~~ `c`",
        "<h3>T</h3><p>A <strong>b</strong> <em>i</em> <s>s</s> <code>c</code></p>",
    ),
    (
        "markdown",
        "- a\n  - b\n- c\n\n1. x\n2. y",
        "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul><ol><li>x</li><li>y</li></ol>",
    ),
    (
        "markdown",
        "- a\n\n  ```yaml\n  k: v\n  ```\n- b",
        '<ul><li>a<pre data-language="yaml"><code>k: v</code></pre></li><li>b</li></ul>',
    ),
    (
        "markdown",
        "|a|b|\n|-|-:|\n|1|`x\\|y`|",
        (
            '<div><table><thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>'
            "<tbody><tr><td>1</td><td><code>x|y</code></td></tr></tbody></table></div>"
        ),
    ),
    ("markdown", "> q\n> r\n\n---", "<blockquote><p>q<br>r</p></blockquote><hr>"),
    ("markdown", "```\nstill growing *x*", "<pre><code>still growing *x*</code></pre>"),
    (
        "markdown",
        "[l](https://a.example) ![i](https://a.example/i.png) <https://b.example> [x](javascript:y)",
        (
            '<p><a href="https://a.example/">l</a> <a href="https://a.example/i.png">i</a> '
            '<a href="https://b.example/">https://b.example</a> <span>x (javascript:y)</span></p>'
        ),
    ),
    ("markdown", "a &lt;b&gt; &#60;i> <u> \\*x\\*", "<p>a &lt;b&gt; &lt;i&gt; &lt;u&gt; *x*</p>"),
]


async def test_marks_are_shown_as_slack_shows_them(chromium: Browser) -> None:
    async with visiting(chromium, bot=False) as visit:
        for module, text, expected in MARKS:
            assert await visit.check("shownAs", [module, text]) == expected


async def test_what_the_page_does_not_know_stands_in_a_labelled_box(chromium: Browser) -> None:
    async with visiting(chromium, bot=False) as visit:
        [name, text] = await visit.check("drawUnknown", {"type": "hologram", "depth": "<b>3"})
        assert name == "unknown"
        assert "Not drawn here: hologram" in text
        assert '"<b>3"' in text
