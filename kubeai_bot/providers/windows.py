"""Context windows of known models: how many tokens a request may have.

From the vendors' model pages. A number that is too high costs one refused request (`ContextOverflow`, then the loop
asks with less); an operator overrides it per model.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_WINDOW = 128_000

_BY_PREFIX: Mapping[str, int] = {
    "gpt-3.5": 16_385,
    "gpt-4": 8_192,
    "gpt-4-32k": 32_768,
    "gpt-4-turbo": 128_000,
    "gpt-4-1106": 128_000,
    "gpt-4-0125": 128_000,
    "gpt-4.1": 1_047_576,
    "gpt-4.5": 128_000,
    "gpt-4o": 128_000,
    "gpt-5": 272_000,  # 400 000 with its output
    "gpt-5-chat": 128_000,
    "gpt-oss": 131_072,
    "o1": 200_000,
    "o1-mini": 128_000,
    "o3": 200_000,
    "o4": 200_000,
    "claude-": 200_000,
    "gemini-": 1_048_576,
}


def window_of(model: str) -> int:
    """The window of `model` in tokens: a gateway's prefix (`openai/gpt-4o`) and `ft:` are looked through, the longest
    known prefix decides, and an unknown model is taken to have 128 000."""
    name = model.lower().rsplit("/", 1)[-1].removeprefix("ft:")
    known = [prefix for prefix in _BY_PREFIX if name.startswith(prefix)]
    return _BY_PREFIX[max(known, key=len)] if known else DEFAULT_WINDOW
