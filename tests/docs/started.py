"""`kubeai-bot playground` as the documents' commands find it on PATH: with its log, and ended as by Ctrl-C once the bot
in it is ready. Exit code 1 where the bot does not start."""

from __future__ import annotations

import signal
import subprocess
import sys


def main(arguments: list[str]) -> int:
    command = [sys.executable, "-m", "kubeai_bot.cli", *arguments, "--verbose"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        ready = False
        for line in process.stdout:
            sys.stdout.write(line)
            if not ready and ("The bot does not start" in line or "[kubeai_bot.main] clusters=" in line):
                ready = "does not start" not in line
                process.send_signal(signal.SIGINT)
        return 0 if process.wait(30) == 0 and ready else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
