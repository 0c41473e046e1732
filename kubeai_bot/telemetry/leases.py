"""The leases that this replica holds."""

from __future__ import annotations

import time
from collections.abc import Callable

from kubeai_bot.domain.storage import Lease


class HeldLeases:
    """Expired ones do not count, whether or not anybody gave them back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}

    def took(self, lease: Lease) -> None:
        self._drop_expired()
        self._until[lease.session_id, lease.owner] = lease.monotonic_until

    def gave(self, lease: Lease) -> None:
        self._until.pop((lease.session_id, lease.owner), None)

    def count(self) -> int:
        self._drop_expired()
        return len(self._until)

    def _drop_expired(self) -> None:
        now = self._clock()
        for key in [key for key, until in self._until.items() if until <= now]:
            del self._until[key]
