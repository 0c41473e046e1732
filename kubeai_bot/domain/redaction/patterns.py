"""Patterns that are compiled when a text first asks for them: most bots meet few kinds of secrets, and start sooner."""

from __future__ import annotations

import re
from functools import cache


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """With ASCII rules. For patterns of the program only: what is compiled is kept."""
    return re.compile(pattern, re.ASCII)
