"""Where the documents' commands run: a folder, an environment, a PostgreSQL with the address that they name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.reading import ROOT, Block, Command, commands

_BEGIN = "@@ next command"


@dataclass
class Stage:
    """`replaced`: what stands in a document for something that only the reader knows, and what it is here."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    replaced: Sequence[tuple[str, str]] = ()
    tools: Path | None = None

    def __post_init__(self) -> None:
        programs = self.folder / "programs"
        programs.mkdir(parents=True)
        wrapper = programs / "kubeai-bot"
        program = f'[ "$1" = playground ] && exec {sys.executable} {ROOT}/tests/docs/started.py "$@"'
        wrapper.write_text(f'#!/bin/sh\n{program}\nexec {sys.executable} -m kubeai_bot.cli "$@"\n')
        wrapper.chmod(0o755)

    def run(self, block: Block) -> list[tuple[Command, str]]:
        """Run a block's commands in one shell, as somebody who pastes them; what each printed, on both streams.

        Raises AssertionError with file and line of the first that fails.
        """
        steps = [step for step in commands(block) if not step.mark and step.program != "make"]
        script = "".join(f"printf '\\n{_BEGIN}\\n'\n{self._text(step)}\n" for step in steps)
        done = subprocess.run(  # noqa: S603 - the documents' own
            ["/bin/bash", "-euo", "pipefail", "-c", f"exec 2>&1\n{script}"],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=50,
            check=False,
        )
        printed = [part.strip("\n") for part in done.stdout.split(f"\n{_BEGIN}\n")[1:]]
        if done.returncode:
            failed = steps[len(printed) - 1]
            raise AssertionError(
                f"{failed.place}: `{failed.words}` ended with {done.returncode}:\n{printed[-1]}\nMend the document; or "
                "give the command what it needs in tests/docs/conftest.py; or, where it cannot run here, mark it: "
                "<!-- needs a real … --> before the block."
            )
        return list(zip(steps, printed, strict=True))

    def _text(self, step: Command) -> str:
        text = step.text
        for said, here in self.replaced:
            text = text.replace(said, here)
        return text

    def _environment(self) -> dict[str, str]:
        path = [str(self.folder / "programs"), *([str(self.tools)] if self.tools else []), "/usr/bin", "/bin"]
        inherited = {name: os.environ[name] for name in ("SSL_CERT_FILE", "LD_LIBRARY_PATH") if name in os.environ}
        python = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"}
        return {**inherited, **python, "HOME": str(self.folder), "PATH": ":".join(path), **self.variables}


def shape(text: str) -> list[str]:
    """The lines of an output without what differs from run to run: ids, numbers, and how wide columns are."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip() and not set(line) <= set(" ─")]
    return [re.sub(r"\b[0-9a-f]{24}\b|\d[\d.,:/-]*\b", "#", line) for line in lines]
