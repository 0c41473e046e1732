"""How often Slack is told, and how long it is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds.

    `opening`: from the first event to the first message, so that short answers need no stream; `append`: between live
    calls on a stream; `edit`: between edits of one message; `page_life`: after which a stream is turned over (Slack
    ends it after about 300); `look_again`: at most between two looks at an idle stream; `give_up`: for the final
    answer; `retry`: before its second try, doubled each time; `after_expiry`: how long a card outlives its approval,
    because another replica's clock may be late.
    """

    opening: float = 0.5
    append: float = 1.0
    edit: float = 1.5
    page_life: float = 240.0
    look_again: float = 10.0
    give_up: float = 60.0
    retry: float = 1.0
    after_expiry: float = 5.0
    clock: Callable[[], float] = time.monotonic
