"""A process that works in a root until it is killed, and prints a line for whatever was acknowledged to it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from kubeai_bot.domain.storage import Claim
from kubeai_bot.stores.filesystem.opening import open_filesystem
from kubeai_bot.stores.filesystem.store import FilesystemStore
from tests.stores.conftest import Make


def say(session_id: str, what: str) -> None:
    sys.stdout.write(json.dumps({"session": session_id, "what": what}) + "\n")
    sys.stdout.flush()


async def work(store: FilesystemStore, make: Make, run: int, name: int) -> None:
    """One session after the other: events come in and are turned into messages, every fifth session is forgotten."""
    for round_ in range(10_000):
        thread = make.thread()
        for number in range(1, 5):
            keys = (f"{run}-{name}-{round_}-{number}",)
            receipt = await store.receive(make.incoming(thread, str(number), keys=keys), Claim(f"{name}", 60))
            assert receipt.session_id is not None
            assert receipt.lease is not None
            assert receipt.tail is not None
            say(receipt.session_id, str(number))
            items = [make.message(item.incoming.text) for item in receipt.tail.inbox]
            read = [item.id for item in receipt.tail.inbox]
            await store.append(receipt.lease, receipt.tail.session.last_seq, f"{number}", items, read)
            if number == 4 and round_ % 5 == 4:
                say(receipt.session_id, "forget")
                await store.forget(receipt.lease)
            else:
                await store.release(receipt.lease)


async def main(root: Path, run: int) -> None:
    make = Make()
    for _ in range(run * 100_000):
        make.thread()
    async with open_filesystem(root) as store, asyncio.TaskGroup() as tasks:
        for name in range(4):
            tasks.create_task(work(store, make, run, name))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
