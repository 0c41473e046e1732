"""Texts that try to get at Slack, and what must never come out of them."""

import re

from hypothesis import strategies as st

from kubeai_bot.slack.fences import opened_by

ACTIVE = re.compile(
    r"<[!@#]|(?<!\w)@(?:channel|here|everyone|group)(?!\w)|&(?:lt|LT|#60|#x3c);[!@#]|<https?:[^>]*[|\s]", re.IGNORECASE
)
TOKENS = [
    *("<!channel>", "<!here|here>", "<@U0MIA>", "<#C0ONCALL|x>", "<!subteam^S1|@a>", "&lt;!channel&gt;", "&#60;!here>"),
    *("<\\!here>", "<&#33;here>", "@channel", "@here", "a@here.example", "<", "!", "@", "&", "&lt;", "here", "channel"),
    *("[a](javascript:alert)", "[a](https://x.example)", "![a](https://x.example/b.png)", "[a]: javascript:b"),
    *(
        "<javascript:a>",
        "<https://x.example>",
        "<https://x.exa",
        "<mailto:a@b.example>",
        "]",
        "](",
        "]:",
        "U0MIA>",
        "äöü",
        "🙂",
        "word ",
    ),
    *(
        "```",
        "````",
        "~~~",
        "```yaml",
        "   ```\n",
        "     ```\n",
        "\n```\n",
        "\t```\n",
        "`" * 13 + "\n",
        "```" + "x" * 410 + "\n",
        "`",
    ),
    *("- ```\n", "1. x\n", "> ```\n", "  ", "    ", "- ", "> ", "#### ", "# ", "|", "| a | b |\n|---|---|\n"),
    *("\n", "\n\n", "\r\n", "\x00", "\ud800"),
]
TEXTS = st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=8)), max_size=25).map("".join)


def outside_code(text: str) -> str:
    """The text without the content of fences, read line by line as CommonMark does."""
    kept: list[str] = []
    fence = None
    for line in text.split("\n"):
        if fence is not None:
            fence = None if fence.closed_by(line) else fence
            continue
        fence = opened_by(line)
        if fence is None:
            kept.append(line)
    return "\n".join(kept)
