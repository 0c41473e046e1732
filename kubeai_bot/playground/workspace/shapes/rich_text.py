"""Rich text: sections, lists, preformatted text and quotes, and the parts they are made of."""

from __future__ import annotations

from collections.abc import Mapping

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import ByType, Flag, Items, Number, Record, Shape, Text, typed
from kubeai_bot.playground.workspace.shapes.objects import URL

_STYLE = Record(
    {},
    {
        name: Flag()
        for name in ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink")
    },
)
_BORDER = Number(0, 1)
_ANY_URL = Text(limits.URL_CHARS, pattern=r"(https?://|mailto:)\S+")


def _part(name: str, needs: dict[str, Shape], may: dict[str, Shape] | None = None) -> Record:
    return typed(name, needs, {"style": _STYLE, **(may or {})})


PARTS: Mapping[str, Record] = {
    "text": _part("text", {"text": Text()}),
    "link": _part("link", {"url": _ANY_URL}, {"text": Text(least=0), "unsafe": Flag()}),
    "user": _part("user", {"user_id": Text(pattern=r"[UW][A-Z0-9]+")}),
    "usergroup": _part("usergroup", {"usergroup_id": Text(pattern=r"S[A-Z0-9]+")}),
    "channel": _part("channel", {"channel_id": Text(pattern=r"[CDG][A-Z0-9]+")}),
    "team": _part("team", {"team_id": Text(pattern=r"T[A-Z0-9]+")}),
    "emoji": _part("emoji", {"name": Text()}, {"unicode": Text(), "skin_tone": Number(1, 6), "url": URL}),
    "date": _part("date", {"timestamp": Number(0), "format": Text()}, {"url": URL, "fallback": Text()}),
    "broadcast": _part("broadcast", {"range": Text(choices=("here", "channel", "everyone"))}),
    "color": _part("color", {"value": Text(pattern=r"#[0-9a-fA-F]{6}")}),
}
_INLINE = Items(ByType(lambda: PARTS), least=0)
_CODE = Items(ByType(lambda: {"text": PARTS["text"], "link": PARTS["link"]}), least=0)

SECTION = typed("rich_text_section", {"elements": _INLINE})
PREFORMATTED = typed("rich_text_preformatted", {"elements": _CODE}, {"border": _BORDER, "language": Text()})
QUOTE = typed("rich_text_quote", {"elements": _INLINE}, {"border": _BORDER})
LIST = typed(
    "rich_text_list",
    {
        "style": Text(choices=("bullet", "ordered")),
        "elements": Items(ByType(lambda: {"rich_text_section": SECTION, "rich_text_list": LIST}), least=0),
    },
    {"indent": Number(0, limits.MAX_LIST_INDENT), "offset": Number(0), "border": _BORDER},
)
ELEMENTS: Mapping[str, Record] = {
    "rich_text_section": SECTION,
    "rich_text_list": LIST,
    "rich_text_preformatted": PREFORMATTED,
    "rich_text_quote": QUOTE,
}
RICH_TEXT = typed("rich_text", {"elements": Items(ByType(lambda: ELEMENTS))}, {"block_id": Text(limits.ID_CHARS)})
