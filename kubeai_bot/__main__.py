"""Where the program begins: `kubeai-bot`, or `python -m kubeai_bot`.

`run` works for weeks: it goes straight to the bot, without the libraries that only the other commands need.
"""

from __future__ import annotations

import os
import sys


def start() -> None:
    if sys.argv[1:2] == ["run"]:
        from kubeai_bot import starting  # noqa: PLC0415 - the libraries of one way are not loaded on the other

        raise SystemExit(starting.run(os.environ, sys.argv[2:]))
    from kubeai_bot.cli import app  # noqa: PLC0415

    app()


if __name__ == "__main__":
    start()
