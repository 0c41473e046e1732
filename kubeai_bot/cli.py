"""The commands: run, playground."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from kubeai_bot.domain.policy import Mode
from kubeai_bot.errors import ConfigError, KubeAIError
from kubeai_bot.logs import configure_logging
from kubeai_bot.settings.environment import Settings

app = typer.Typer(
    name="kubeai-bot",
    help="A Slack chatbot for Kubernetes that answers from live evidence, as the person who asked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


@app.command()
def run(
    env_file: Annotated[Path | None, typer.Option(help="A .env file, read below the environment.")] = None,
) -> None:
    """Answer in Slack. Everything is set by environment variables: see docs/configuration.md."""
    settings = _settings(env_file)
    from kubeai_bot import main  # noqa: PLC0415 - the parts are imported only by the commands that need them

    _finish(lambda: asyncio.run(main.run(settings)))


@app.command()
def playground(
    seed: Annotated[int | None, typer.Option(help="Rename the demo's objects and move its faults.")] = None,
    http: Annotated[bool, typer.Option("--http", help="Deliver events over signed HTTP, not Socket Mode.")] = False,
    auto: Annotated[
        bool, typer.Option("--auto", help="MODIFY_RESOURCES=auto: let the bot scale what you ask for.")
    ] = False,
    tour_only: Annotated[bool, typer.Option("--tour-only", help="End after the suggested questions.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the bot's log.")] = False,
) -> None:
    """The bot at work on this machine: a simulated Slack, a demo cluster, a demo model. Nothing leaves it."""
    from kubeai_bot.playground import tour  # noqa: PLC0415

    configure_logging("INFO" if verbose else "ERROR", "console")
    _finish(lambda: asyncio.run(tour.run(tour.Options(seed, http, tour_only, Mode.AUTO if auto else Mode.NONE))))


def _settings(env_file: Path | None) -> Settings:
    try:
        settings = Settings.load(os.environ, env_file)
    except ConfigError as error:
        _refuse(error)
    configure_logging(settings.log_level, settings.log_format, settings.secret_texts())
    return settings


def _finish(work: Callable[[], None]) -> None:
    try:
        work()
    except KubeAIError as error:
        _refuse(error)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _refuse(error: KubeAIError) -> NoReturn:
    """Say every fault and end with exit code 2, as for a wrong option."""
    faults = error.faults if isinstance(error, ConfigError) else (str(error),)
    typer.echo("kubeai-bot cannot start:", err=True)
    for fault in faults:
        typer.echo(f"  - {fault}", err=True)
    typer.echo("All settings: docs/configuration.md", err=True)
    raise typer.Exit(2) from error


if __name__ == "__main__":
    app()
