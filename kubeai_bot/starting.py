"""`kubeai-bot run`: from the environment to the running bot, with no more in memory than the bot needs."""

from __future__ import annotations

import gc
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path

from kubeai_bot.errors import ConfigError, KubeAIError

REFUSED = 2
"""The exit code where the bot cannot start, as for a wrong option."""


def run(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Answer in Slack until SIGTERM or SIGINT. `arguments` are those after `run`. The exit code."""
    env_file: Path | None = _parser().parse_args(arguments).env_file
    # Half a million objects are made until the bot is ready, and nearly all stay: `main.run` collects from then on.
    gc.disable()
    # structlog loads rich where it finds it, for coloured tracebacks, which no log of the bot has.
    _without("rich")
    try:
        _answer(environ, env_file)
    except KubeAIError as error:
        sys.stderr.write(refusal(error))
        return REFUSED
    except KeyboardInterrupt:
        return 130
    return 0


def refusal(error: KubeAIError) -> str:
    """Every fault, in lines for people."""
    faults = error.faults if isinstance(error, ConfigError) else (str(error),)
    return "\n".join(
        ("kubeai-bot cannot start:", *(f"  - {fault}" for fault in faults), "All settings: docs/configuration.md", "")
    )


def _answer(environ: Mapping[str, str], env_file: Path | None) -> None:
    """Wrong settings are refused before the parts are loaded."""
    import asyncio  # noqa: PLC0415 - this module is a beginning: what it imports at once delays every fault

    from kubeai_bot.logs import configure_logging  # noqa: PLC0415
    from kubeai_bot.settings.environment import Settings  # noqa: PLC0415
    from kubeai_bot.telemetry.trace_ids import add_trace_id  # noqa: PLC0415
    from kubeai_bot.telemetry.traces import traces_wanted  # noqa: PLC0415

    settings, tracing = Settings.load(environ, env_file), traces_wanted(environ)
    also = (add_trace_id,) if tracing else ()
    configure_logging(settings.log_level, settings.log_format, settings.secret_texts(), also=also)
    if settings.llm_provider not in {"gemini", "vertex"}:
        # 11 MB that the Kubernetes config loader loads where it finds them, for the auth-provider `gcp` of kubeconfigs,
        # which Kubernetes took out in 1.26. Credential plugins do without.
        _without("google.auth")
    from kubeai_bot import main  # noqa: PLC0415

    asyncio.run(main.run(settings, tracing=tracing))


def _without(optional: str) -> None:
    """From now on this library is as if it were not installed."""
    sys.modules.setdefault(optional, None)  # pyright: ignore[reportArgumentType] - None: it cannot be imported


def _parser() -> ArgumentParser:
    words = "Answer in Slack. Everything is set by environment variables: see docs/configuration.md."
    parser = ArgumentParser("kubeai-bot run", description=words)
    parser.add_argument("--env-file", type=Path, metavar="PATH", help="A .env file, read below the environment.")
    return parser
