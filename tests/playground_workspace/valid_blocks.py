"""Valid blocks, views and chunks, drawn from the simulator's own spec: samples by seed, and hypothesis strategies.

`sample(seed, count)` gives the same JSON for the same seed, and from `len(KINDS)` samples on every kind of block,
element and part of rich text that the spec knows. Texts are hostile wherever the spec takes any text at all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from kubeai_bot.playground.workspace.schema import Anything, ByType, Flag, Items, Nullable, Number, Record, Shape, Text
from kubeai_bot.playground.workspace.shapes.blocks import IN_MESSAGE
from kubeai_bot.playground.workspace.shapes.chunks import CHUNKS
from kubeai_bot.playground.workspace.shapes.views import VIEWS
from kubeai_bot.playground.workspace.validation import check_chunks, check_message_blocks, check_view

Json = dict[str, Any]

HOSTILE = (
    "pod shop/cart-7d9f is CrashLoopBackOff",
    "<script>window.__pwned = 1</script>",
    '"><img src=x onerror="window.__pwned=1">',
    "'; alert(1); //",
    "</textarea></script><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "<javascript:alert(1)|click me> and <https://a.example|a link>",
    "[x](javascript:alert(1)) ![y](data:text/html;base64,PHNjcmlwdD4=)",
    "<!channel> <@U0MIA> <#C0ONCALL> <!date^0^{date}|then>",
    "&lt;b&gt; &amp;amp; &#60;script&#62;",
    "*bold _italic ~strike `code` ```pre",
    "\x00\x01\x07\x1b[31mred\x1b[0m\x7f\x85",
    "line one\nline two\r\n\ttabbed\u2028separated",
    "\u202egnp.exe\u202c \u200b\u2066hidden\u2069",
    "שלום עולם مرحبا بالعالم",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 👍🏽 :+1: :not_an_emoji:",
    "Z͑ͫa̴lg̵o z̸͎̈",
    "__proto__",
    "constructor",
    "{{7*7}} ${7*7} %s %n",
    "../../etc/passwd",
    "-1",
    "x" * 300,
    "word " * 60,
)
"""Texts that break a careless renderer: markup, quotes, control characters, direction marks, wide emoji, URLs."""

PATTERNED: Mapping[str, tuple[str, ...]] = {
    r"https?://\S+": (
        "https://a.example/",
        "http://a.example/?q=%3Cscript%3E&x='\"<b>",
        'https://a.example/"onmouseover="alert(1)',
        "https://javascript:alert(1)@a.example/#</a><script>",
        "https://xn--e1afmkfd.example/путь/👍",
    ),
    r"(https?://|mailto:)\S+": ("mailto:mia@shop.example?subject=<b>", "https://a.example/'><script>alert(1)</script>"),
    r"[UW][A-Z0-9]+": ("U0MIA", "U0OMAR", "U0SAM", "W0NOBODY"),
    r"[CDG][A-Z0-9]+": ("C0ONCALL", "D0MIA", "G0NOWHERE"),
    r"S[A-Z0-9]+": ("S0OPS",),
    r"T[A-Z0-9]+": ("T0SHOP",),
    r"#[0-9a-fA-F]{6}": ("#F405B3", "#000000"),
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])": ("2026-11-21", "1999-12-31"),
    r"([01][0-9]|2[0-3]):[0-5][0-9]": ("00:00", "23:59"),
    r"-?[0-9]+(\.[0-9]+)?": ("0", "-12", "3.5"),
    r"R[A-Z0-9]+": ("R0CALL",),
}
"""Strings for every pattern of the spec."""


class Maker:
    """Makes values of shapes. `wanted` is chosen wherever a shape offers it; `full` takes every optional key it can."""

    def __init__(self, source: random.Random, wanted: str | None = None, *, full: bool = False) -> None:
        self._random = source
        self._wanted = wanted
        self._full = full
        self._made = 0
        self._focused = False
        self._depth = 0

    def make(self, shape: Shape) -> Any:
        match shape:
            case Text():
                return self._text(shape)
            case Flag():
                return self._random.random() < 0.5
            case Number():
                return self._number(shape)
            case Items():
                return [self.make(shape.item) for _ in range(self._size(shape))]
            case Nullable():
                return None if self._one_in(3) else self.make(shape.shape)
            case Anything():
                return {self._random.choice(HOSTILE): self._random.choice(HOSTILE)}
            case Record():
                return self._record(shape)
            case ByType():
                return self._by_type(shape.shapes())
            case _:
                raise TypeError(f"the generator does not know {type(shape).__name__}")

    def _one_in(self, times: int) -> bool:
        return self._random.randrange(times) == 0

    def _text(self, shape: Text) -> str:
        if shape.choices:
            return self._random.choice(shape.choices)
        if shape.pattern is not None:
            return self._random.choice(PATTERNED[shape.pattern])
        if shape.least == 0 and self._one_in(6):
            return ""
        most = 400 if shape.most is None else shape.most
        if self._one_in(30):
            return self._random.choice(("x", "w ", "é", "<b>"))[:1] * most
        return self._random.choice(HOSTILE)[:most].ljust(shape.least, "x")

    def _number(self, shape: Number) -> float:
        least = -5 if shape.least is None else shape.least
        most = max(least, 1_000 if shape.least is None else least + 1_000) if shape.most is None else shape.most
        if shape.fraction:
            return round(self._random.uniform(least, most), 2)
        return self._random.randint(int(least), int(most))

    def _size(self, shape: Items) -> int:
        """Few items deep inside, now and then as many as are allowed."""
        most = 4 if shape.most is None else shape.most
        if self._depth <= 2 and most <= 25 and self._one_in(12):
            return max(shape.least, most)
        return max(shape.least, min(most, self._random.randint(1, 3 if self._depth <= 4 else 1)))

    def _by_type(self, shapes: Mapping[str, Record]) -> Json:
        if self._wanted in shapes and self._depth <= 6:
            return self._record(shapes[self._wanted])
        names = sorted(shapes)
        if self._depth > 6:
            names = [name for name in names if name not in ("rich_text_list", "container")] or names
        return self._record(shapes[self._random.choice(names)])

    def _record(self, shape: Record) -> Json:
        """Tries again where the record's own rules refuse what was drawn."""
        self._depth += 1
        try:
            for attempt in range(200):
                value = {key: self.make(inner) for key, inner in shape.needs.items()}
                for key, inner in shape.may.items():
                    if self._take(attempt):
                        value[key] = self.make(inner)
                self._settle(value)
                if not list(shape.check(value, "")):
                    return value
        finally:
            self._depth -= 1
        raise AssertionError(f"no valid value found in 200 attempts: {list(shape.check(value, ''))}: {value}")

    def _take(self, attempt: int) -> bool:
        if attempt == 0 and self._full:
            return True
        return self._random.random() < (0.7 if self._full else 0.35)

    def _settle(self, value: Json) -> None:
        """What no single key can know: ids are unique, and what is chosen at first is one of the options."""
        for key in ("block_id", "action_id"):
            if key in value:
                self._made += 1
                value[key] = f"{value[key][:200]}#{self._made}"
        if value.get("focus_on_load"):
            value["focus_on_load"], self._focused = not self._focused, True
        offered = [
            *value.get("options", ()),
            *(o for group in value.get("option_groups", ()) for o in group["options"]),
        ]
        if offered:
            self._choose_among(offered, value)
        if value.get("type") == "data_table":
            self._make_even(value)
        if "axis_config" in value:
            self._plot(value)
        if value.get("type") == "number_input":
            self._count_up(value)

    def _choose_among(self, offered: list[Json], value: Json) -> None:
        if "initial_option" in value:
            value["initial_option"] = self._random.choice(offered)
        if "initial_options" in value:
            most = min(value.get("max_selected_items", 3), len(offered))
            value["initial_options"] = self._random.sample(offered, self._random.randint(1, most))

    def _make_even(self, table: Json) -> None:
        """Rows of one length, and a header without rich text."""
        columns = min(len(row) for row in table["rows"])
        header = [{"type": "raw_text", "text": self._text(Text(20))} for _ in range(columns)]
        table["rows"] = [header, *(row[:columns] for row in table["rows"][1:])]
        if "row_header_column_index" in table:
            table["row_header_column_index"] %= columns

    def _plot(self, chart: Json) -> None:
        """One point for each category in every series, and a name of its own for each."""
        for number, series in enumerate(chart["series"]):
            series["name"] = f"{series['name'][:16]}#{number}"
            labels = chart["axis_config"]["categories"]
            series["data"] = [{"label": label, "value": self._number(Number(fraction=True))} for label in labels]

    def _count_up(self, element: Json) -> None:
        fraction = ".5" if element["is_decimal_allowed"] else ""
        for number, key in enumerate(("min_value", "initial_value", "max_value")):
            if key in element:
                element[key] = f"{number - 1}{fraction if number else ''}"


def _reachable(shape: Shape, seen: set[int]) -> Iterator[str]:
    """Names of everything with a `type` that a shape can contain, nearest first."""
    if id(shape) in seen:
        return
    seen.add(id(shape))
    match shape:
        case Items():
            yield from _reachable(shape.item, seen)
        case Nullable():
            yield from _reachable(shape.shape, seen)
        case Record():
            kind = shape.needs.get("type")
            if isinstance(kind, Text):
                yield kind.choices[0]
            for inner in (*shape.needs.values(), *shape.may.values()):
                yield from _reachable(inner, seen)
        case ByType():
            for inner in shape.shapes().values():
                yield from _reachable(inner, seen)
        case _:
            return


def _kinds() -> tuple[tuple[str, str | None], ...]:
    """Every block of a message, and for every kind of element and part a block that shows it: parts of rich text and
    cells in blocks of their own rather than inside an input."""
    kinds: list[tuple[str, str | None]] = [(name, None) for name in IN_MESSAGE]
    found: set[str] = set()
    for name in dict.fromkeys(("rich_text", "table", *IN_MESSAGE)):
        for inner in _reachable(IN_MESSAGE[name], set()):
            if inner not in found and inner not in IN_MESSAGE:
                found.add(inner)
                kinds.append((name, inner))
    return tuple(kinds)


KINDS = _kinds()
"""Pairs of a block and of what it must contain."""


def block(source: random.Random, name: str, wanted: str | None = None, *, full: bool = False) -> Json:
    """One valid block of a message. `wanted` is an element or part that it must contain where it can."""
    for _ in range(100):
        made: Json = Maker(source, wanted, full=full or wanted is not None).make(IN_MESSAGE[name])
        if not check_message_blocks([made]) and (wanted is None or wanted in set(types_in(made))):
            return made
    raise AssertionError(f"no valid {name} with {wanted} in 100 attempts: {check_message_blocks([made])}")


def message_blocks(source: random.Random) -> list[Json]:
    """The blocks of one valid message, several kinds mixed."""
    maker = Maker(source)
    for _ in range(100):
        names = [source.choice(sorted(IN_MESSAGE)) for _ in range(source.randint(1, 6))]
        made = [maker.make(IN_MESSAGE[name]) for name in names]
        if not check_message_blocks(made):
            return made
    raise AssertionError("no valid message in 100 attempts")


def view(source: random.Random, name: str) -> Json:
    """One valid `modal` or `home`."""
    for _ in range(100):
        made: Json = Maker(source).make(VIEWS[name])
        if not check_view(made):
            return made
    raise AssertionError(f"no valid {name} in 100 attempts: {check_view(made)}")


def chunk(source: random.Random, name: str) -> Json:
    """One valid chunk of a streamed answer."""
    for _ in range(100):
        made: Json = Maker(source).make(CHUNKS[name])
        if not check_chunks([made], {}):
            return made
    raise AssertionError(f"no valid {name} in 100 attempts: {check_chunks([made], {})}")


def types_in(value: Any) -> Iterator[str]:
    """Every `type` in a payload, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value["type"]
        for item in value.values():
            yield from types_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from types_in(item)


def sample(seed: int, count: int) -> list[Json]:
    """`count` valid message blocks, always the same for a seed. The first `len(KINDS)` show every kind once."""
    source = random.Random(seed)
    made = [block(source, name, wanted) for name, wanted in KINDS[:count]]
    while len(made) < count:
        name, wanted = source.choice(KINDS)
        made.append(block(source, name, wanted if source.random() < 0.7 else None, full=source.random() < 0.5))
    return made


def sample_messages(seed: int, count: int) -> list[list[Json]]:
    """`count` valid lists of blocks of whole messages."""
    source = random.Random(seed)
    return [message_blocks(source) for _ in range(count)]


def sample_views(seed: int, count: int) -> list[Json]:
    """`count` valid views, modals and home tabs in turn."""
    source = random.Random(seed)
    names = sorted(VIEWS)
    return [view(source, names[number % len(names)]) for number in range(count)]


def sample_chunks(seed: int, count: int) -> list[Json]:
    """`count` valid chunks of streamed answers, all kinds in turn."""
    source = random.Random(seed)
    names = sorted(CHUNKS)
    return [chunk(source, names[number % len(names)]) for number in range(count)]


def _drawn(make: Callable[[random.Random], Any]) -> st.SearchStrategy[Any]:
    """By seed: a seed cannot be shrunk to a smaller payload, but the rules of the spec make many draws in vain, and
    hypothesis would have to follow each."""
    return st.integers(0, 2**32 - 1).map(lambda seed: make(random.Random(seed)))


def valid_block(name: str) -> st.SearchStrategy[Json]:
    """Valid blocks of one kind."""
    return _drawn(lambda source: block(source, name, full=source.random() < 0.3))


def valid_message_blocks() -> st.SearchStrategy[list[Json]]:
    """Blocks of whole valid messages."""
    return _drawn(message_blocks)


def valid_view() -> st.SearchStrategy[Json]:
    """Valid modals and home tabs."""
    return _drawn(lambda source: view(source, source.choice(sorted(VIEWS))))


def valid_chunk() -> st.SearchStrategy[Json]:
    """Valid chunks of streamed answers."""
    return _drawn(lambda source: chunk(source, source.choice(sorted(CHUNKS))))
