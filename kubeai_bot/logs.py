"""Structured logs on one stream: our own and those of the libraries, without secrets and message bodies."""

from __future__ import annotations

import logging
import re
import secrets as randomness
import sys
from collections.abc import Callable, Iterable, Mapping
from json import dumps
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from kubeai_bot.domain.redaction.redactor import Redactor

# What these loggers say below the level named here is never shown: httpx2 logs every URL; the others log bodies,
# and mcp what servers write, at ERROR.
FLOORS: Mapping[str, int] = {
    "aiohttp.access": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpcore2": logging.WARNING,
    "httpx2": logging.WARNING,
    "kubernetes": logging.WARNING,
    "mcp": logging.CRITICAL,
    "markdown_it": logging.WARNING,
    "openai": logging.WARNING,
    "slack_bolt": logging.INFO,
    "slack_sdk": logging.INFO,
    "urllib3": logging.WARNING,
}

MASK = "[masked]"

_SECRET_FORMS = re.compile(
    r"""
      \b xox[a-z] (?:\.xox[a-z])? - [\w-]{4,}             # Slack tokens
    | \b xapp- [\w-]{4,}
    | (?<![\w-]) sk- [\w-]{16,}                          # OpenAI and compatible servers
    | \b AIza [\w-]{30,}                                 # Google
    | \b eyJ [\w-]{8,} \. [\w-]{8,} \. [\w-]*            # signed tokens, among them those of service accounts
    | (?<= \b [Bb]earer \s ) [\w.~+/=-]{8,}
    | (?<= :// ) [^\s/@:"']* : [^\s/@"']+ (?= @ )        # user:password@ of a URL
    """,
    re.VERBOSE,
)

# slack_bolt puts the body of a request into its message: at INFO for a wrong signature, at WARNING where a middleware
# gave no answer. Its advice on unhandled requests begins on the second line.
_BOLT_BODY = re.compile(r"(?P<kept>, body: |for the request \().*|\n.*", re.DOTALL)


def configure_logging(
    level: str,
    form: Literal["json", "console"],
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    also: Iterable[Processor] = (),
) -> None:
    """Send all logs of this process to `stream` (default: stderr), one JSON object or one line for people each.

    `level` counts for our own logs; libraries are never more talkative than `FLOORS` says. Text that equals one of
    `secrets`, or looks like a token, is masked in what is finally written, and what the redactor takes for a secret is
    a marker there: a last resort, not a licence. `also` adds to what each line says.
    """
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *also,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(_library_filter)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(form),
                masker(secrets),
                redacting(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)


def _renderers(form: Literal["json", "console"]) -> tuple[Processor, ...]:
    """Neither form shows local variables of a traceback: they may hold anything."""
    if form == "console":
        plain = structlog.dev.plain_traceback
        return (structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain),)
    shown = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return (structlog.processors.ExceptionRenderer(shown), structlog.processors.JSONRenderer(ensure_ascii=False))


def masker(secrets: Iterable[str]) -> Callable[[WrappedLogger, str, EventDict | str], str]:
    """A processor for the end of the chain: masks in the rendered line whatever is, or looks like, a secret."""
    known = {
        form for secret in secrets if len(secret) >= 6 for form in (secret, dumps(secret)[1:-1], repr(secret)[1:-1])
    }
    exact = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True))) or r"(?!)")

    def mask(_logger: WrappedLogger, _name: str, line: EventDict | str) -> str:
        return _SECRET_FORMS.sub(MASK, exact.sub(MASK, str(line)))

    return mask


def redacting() -> Callable[[WrappedLogger, str, EventDict | str], str]:
    """A processor for the very end of the chain: the redactor of everything else that leaves, under a key of this
    process alone, so that its markers lead to no session."""
    redactor = Redactor(randomness.token_bytes(32))

    def redact(_logger: WrappedLogger, _name: str, line: EventDict | str) -> str:
        return redactor.text(str(line)).text

    return redact


def _library_filter(record: logging.LogRecord) -> bool:
    package = record.name.partition(".")[0]
    if record.levelno < max(FLOORS.get(package, 0), FLOORS.get(record.name, 0)):
        return False
    if package == "slack_bolt":
        record.msg = _BOLT_BODY.sub(lambda found: found["kept"] or "", record.getMessage())
        record.args = None
    return True
