"""When what people wrote arrived, remembered until it is answered: read off what comes out of the store."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from kubeai_bot.domain.session import Incoming, ThreadRef
from kubeai_bot.domain.storage import Tail

MOST = 5_000


class Arrivals:
    """By thread and by the `ts` that opens a turn, across replicas; the moments are those of the replica to which Slack
    delivered. `clock` gives Unix time."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: OrderedDict[tuple[ThreadRef, str], float] = OrderedDict()

    def arrived(self, incoming: Incoming) -> None:
        self._note(incoming.thread, incoming.ts, incoming.received_at)

    def seen(self, tail: Tail) -> None:
        """A turn that was opened elsewhere counts from its opening."""
        for item in tail.inbox:
            self.arrived(item.incoming)
        turn = tail.session.turn
        if turn is not None:
            self._note(tail.session.thread, turn.asked_ts, turn.started_at)

    def of(self, thread: ThreadRef, ts: str) -> float:
        """Unix time; now where it is not known."""
        return self._known.get((thread, ts), self._clock())

    def forget(self, thread: ThreadRef, ts: str) -> None:
        self._known.pop((thread, ts), None)

    def _note(self, thread: ThreadRef, ts: str, at: datetime) -> None:
        self._known.setdefault((thread, ts), at.timestamp())
        while len(self._known) > MOST:
            self._known.popitem(last=False)
