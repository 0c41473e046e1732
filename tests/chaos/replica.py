"""One bot process of the storm: `kubeai-bot run` with short leases, and with a death of its own in it.

`CHAOS` holds `{"how": "kill"|"receive"|"stop", "step": n, "after": bool}`: at its n-th step on the store (or its n-th
`receive`) the process kills itself, before the step or after it; with `stop` it stops itself (SIGSTOP) right after the
n-th change in a cluster is on record as started, as a paused virtual machine would.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

from kubeai_bot.agent.journal import Term
from kubeai_bot.agent.runner import Pace
from kubeai_bot.assembly.store import open_store
from kubeai_bot.logs import configure_logging
from kubeai_bot.main import running_bot
from kubeai_bot.settings.environment import Settings

TERM_SECONDS = 6.0
PACE = Pace(Term(ttl=TERM_SECONDS, showing=2.0), poll=0.5, inbox_poll=0.5, write_timeout=1.0)
STEPS = frozenset({"receive", "lease", "append", "close", "release", "forget"})


@dataclass
class Doomed:
    """Any SessionStore, as seen by a process that dies at one of its steps."""

    store: Any
    how: str
    step: int
    after: bool
    count: int = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)
        return self._counted(name, method) if name in STEPS else method

    def _counted(self, name: str, method: Any) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            started = name == "append" and ":started:" in str(given[2])
            counts = {"stop": started, "receive": name == "receive"}.get(self.how, True)
            self.count += counts
            due = counts and self.count == self.step
            if due and self.how != "stop" and not self.after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = await method(*given, **named)
            if due and self.how != "stop":
                os.kill(os.getpid(), signal.SIGKILL)
            if due and started:
                self.step = 0
                say(f"stopped {given[0].session_id} {given[0].epoch}")
                os.kill(os.getpid(), signal.SIGSTOP)
            return result

        return call


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main() -> None:
    settings = Settings.load(os.environ)
    configure_logging("INFO", "json", settings.secret_texts())
    death = json.loads(os.environ["CHAOS"])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_store(settings) as store, running_bot(settings, Doomed(store, **death), PACE) as bot:  # type: ignore[arg-type]
        say("ready")
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({asked, bot.working}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if bot.working.done():
            bot.working.result()


if __name__ == "__main__":
    asyncio.run(main())
