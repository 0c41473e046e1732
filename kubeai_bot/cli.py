"""The commands: run, playground, doctor, sessions."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from dotenv import dotenv_values

from kubeai_bot import starting
from kubeai_bot.commands.audit import OpenedTrail, audit_app
from kubeai_bot.commands.sessions import OpenedStore, sessions_app
from kubeai_bot.doctor.finding import Area
from kubeai_bot.domain.policy import Mode
from kubeai_bot.errors import ConfigError, KubeAIError
from kubeai_bot.logs import configure_logging
from kubeai_bot.playground import options as opt
from kubeai_bot.settings.environment import Settings
from kubeai_bot.settings.rules import AUDIT_VARIABLES

app = typer.Typer(
    name="kubeai-bot",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kubeai-bot {version('kubeai-bot')}")
        raise typer.Exit


@app.callback()
def main(
    show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Which release it is.")
    ] = False,
) -> None:
    """A Slack chatbot for Kubernetes that answers from live evidence, as the person who asked."""


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def run(context: typer.Context) -> None:
    """Answer in Slack. Everything is set by environment variables: see docs/configuration.md."""
    raise typer.Exit(starting.run(os.environ, context.args))


@app.command()
def playground(  # noqa: PLR0913, PLR0917 - one parameter an option
    seed: opt.Seed = None,
    http: opt.Http = False,
    auto: opt.Auto = False,
    port: opt.Port = None,
    no_browser: opt.NoBrowser = False,
    terminal: opt.Terminal = False,
    tour_only: opt.TourOnly = False,
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = None,
    as_user: opt.AsUser = None,
    as_group: opt.AsGroup = None,
    provider: opt.Provider = None,
    base_url: opt.BaseUrl = None,
    model: opt.Model = None,
    slack: opt.Slack = False,
    session_type: opt.SessionType = None,
    env_file: opt.EnvFile = None,
    verbose: opt.Verbose = False,
) -> None:
    """The bot at work on this machine, in a page: a simulated Slack, a demo cluster, a demo model. Nothing leaves it
    unless you swap in the real thing."""
    from kubeai_bot.playground import tour  # noqa: PLC0415
    from kubeai_bot.playground.edges import Real  # noqa: PLC0415
    from kubeai_bot.playground.page import running  # noqa: PLC0415
    from kubeai_bot.playground.world import WorldOptions  # noqa: PLC0415

    configure_logging("INFO" if verbose else "ERROR", "console")
    real = Real(
        given=_given(env_file),
        slack=slack,
        kubeconfig=kubeconfig,
        context=context,
        as_user=as_user,
        as_groups=tuple(as_group or ()),
        provider=provider,
        base_url=base_url,
        model=model,
        session_type=session_type,
    )
    mode = Mode.AUTO if auto else Mode.NONE if real.cluster else Mode.ALLOW
    world = WorldOptions(seed=seed, http=http, mode=mode, runbooks=True, real=real)
    if terminal or tour_only:
        _finish(lambda: asyncio.run(tour.run(world, tour_only=tour_only)))
    else:
        page = running.PageOptions(port=port, browser=not no_browser and _has_display())
        _finish(lambda: asyncio.run(running.run(world, page)))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    init: Annotated[
        bool, typer.Option("--init", help="Before a start: fail only for what waiting does not mend.")
    ] = False,
    only: Annotated[list[Area] | None, typer.Option(help="Look at this area only; may be repeated.")] = None,
    env_file: Annotated[Path | None, typer.Option(help="A .env file, read below the environment.")] = None,
) -> None:
    """Say what is wrong with the bot's surroundings, each with the line that mends it. Nothing is changed.

    Exit code 0: no faults (there may be warnings). 1: faults. 2: the configuration or the call is wrong."""
    from kubeai_bot.doctor import command  # noqa: PLC0415

    options = command.DoctorOptions(as_json, init, tuple(only or ()))
    raise typer.Exit(command.run(os.environ, env_file, options))


@asynccontextmanager
async def _open_sessions(env_file: Path | None, read_only: bool) -> AsyncGenerator[OpenedStore]:
    from kubeai_bot.assembly.store import open_store  # noqa: PLC0415

    settings = Settings.load_store(os.environ, env_file)
    if settings.session_type == "memory":
        raise ConfigError(
            ["SESSION_TYPE=memory keeps sessions inside the bot's process; set SESSION_TYPE as the bot has it."]
        )
    configure_logging("WARNING", "console", settings.secret_texts())
    async with open_store(settings, read_only=read_only) as store:
        yield OpenedStore(store, settings.retention)


app.add_typer(sessions_app(_open_sessions))


@asynccontextmanager
async def _open_trail(env_file: Path | None) -> AsyncGenerator[OpenedTrail]:
    from kubeai_bot.assembly.audit import audit_key  # noqa: PLC0415
    from kubeai_bot.assembly.store import audit_rows, open_store  # noqa: PLC0415

    settings = Settings.load_store(os.environ, env_file, AUDIT_VARIABLES)
    if not settings.audit_key and not settings.slack_bot_token.get_secret_value():
        raise ConfigError(["AUDIT_KEY is not set: give it, or SLACK_BOT_TOKEN, as the bot has it."])
    configure_logging("WARNING", "console", settings.secret_texts())
    key = audit_key(settings)
    if settings.session_type != "postgres":
        yield OpenedTrail(None, settings.audit_file, key)
        return
    async with open_store(settings, read_only=True) as store:
        rows = audit_rows(store)
        yield OpenedTrail(rows, settings.audit_file, key)


app.add_typer(audit_app(_open_trail))


def _given(env_file: Path | None) -> dict[str, str]:
    """The environment and, below it, the .env file."""
    if env_file is not None and not env_file.is_file():
        _refuse(ConfigError([f"{env_file} is no file."]))
    below = dotenv_values(env_file, interpolate=False) if env_file else {}
    return {name: text for name, text in {**below, **os.environ}.items() if text}


def _has_display() -> bool:
    """Whether a browser would be seen by the person who started this."""
    windows = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and windows


def _finish(work: Callable[[], None]) -> None:
    try:
        work()
    except KubeAIError as error:
        _refuse(error)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _refuse(error: KubeAIError) -> NoReturn:
    typer.echo(starting.refusal(error), err=True, nl=False)
    raise typer.Exit(starting.REFUSED) from error


if __name__ == "__main__":
    app()
