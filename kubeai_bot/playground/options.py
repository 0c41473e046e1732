"""The options of `kubeai-bot playground`, with their words of help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_REAL = "Swap in the real thing"

Seed = Annotated[int | None, typer.Option(help="Rename the demo's objects and move its faults.")]
Http = Annotated[bool, typer.Option("--http", help="Deliver events over signed HTTP, not Socket Mode.")]
Auto = Annotated[
    bool, typer.Option("--auto", help="MODIFY_RESOURCES=auto: change what you ask for without an approval.")
]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="The page's port; else 8765 or the next free one.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the page's address.")]
Terminal = Annotated[bool, typer.Option("--terminal", help="No page: a conversation in this terminal.")]
TourOnly = Annotated[bool, typer.Option("--tour-only", help="As --terminal, and end after the suggested questions.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the bot's log.")]

Kubeconfig = Annotated[
    Path | None, typer.Option(help="A real cluster: the kubeconfig that leads to it.", rich_help_panel=_REAL)
]
Context = Annotated[str | None, typer.Option(help="A real cluster: a kubeconfig's context.", rich_help_panel=_REAL)]
AsUser = Annotated[
    str | None,
    typer.Option(
        help="Whom Mia is impersonated as in the real cluster. Without it she has all your rights there.",
        rich_help_panel=_REAL,
    ),
]
AsGroup = Annotated[
    list[str] | None, typer.Option(help="A group of --as-user; may be given several times.", rich_help_panel=_REAL)
]
Provider = Annotated[
    str | None,
    typer.Option(
        help="A real model: openai, azure, gemini or vertex, with its variables in the environment.",
        rich_help_panel=_REAL,
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        help="An OpenAI-compatible server: Ollama is at http://127.0.0.1:11434/v1, llama.cpp at http://127.0.0.1:8080/v1.",
        rich_help_panel=_REAL,
    ),
]
Model = Annotated[str | None, typer.Option(help="The real model's id.", rich_help_panel=_REAL)]
Slack = Annotated[
    bool,
    typer.Option(
        "--slack",
        help="Your Slack, in Socket Mode, with SLACK_BOT_TOKEN and SLACK_APP_TOKEN in the environment.",
        rich_help_panel=_REAL,
    ),
]
SessionType = Annotated[
    str | None,
    typer.Option(help="SESSION_TYPE: memory, filesystem or postgres, with its variables.", rich_help_panel=_REAL),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(help="A .env file to take keys and tokens from, below the environment.", rich_help_panel=_REAL),
]
