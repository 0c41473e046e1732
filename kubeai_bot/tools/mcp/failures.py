"""What went wrong with a server, in words: for the status, and for the model that called a tool."""

from __future__ import annotations

from http import HTTPStatus

from mcp import MCPError
from mcp_types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    REQUEST_TIMEOUT,
    UNSUPPORTED_PROTOCOL_VERSION,
    URL_ELICITATION_REQUIRED,
)
from pydantic import ValidationError

from kubeai_bot.domain.policy import Effect
from kubeai_bot.errors import KubeAIError, TooLate, ToolError, Unreachable
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.errand import Errand
from kubeai_bot.tools.mcp.wording import one_line

_REFUSALS = (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    UNSUPPORTED_PROTOCOL_VERSION,
    URL_ELICITATION_REQUIRED,
)
"""Codes with which a server says that it has not done what was asked."""

_NO_WORDS = ("Server returned an error response", "Connection closed", "Not Found")
"""The SDK's own messages, which say less than we know."""

_PHRASES = {int(status): status.phrase for status in HTTPStatus}

_MEANINGS = {
    401: "it does not accept the credentials",
    403: "it does not allow this",
    404: "there is nothing at its address",
    429: "it has had too many requests",
}


class Gone(KubeAIError):
    """The connection is over; the text says why."""


def first_of(error: BaseException) -> BaseException:
    """The first single error of nested groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def reason(error: BaseException, errand: Errand, seconds: float) -> str:
    """In one line; `seconds` is how long an answer was waited for."""
    error = first_of(error)
    if errand.status >= 400:
        return _status_words(errand, error)
    if errand.trouble:
        return errand.trouble
    if isinstance(error, TimeoutError) or (isinstance(error, MCPError) and error.code == REQUEST_TIMEOUT):
        return f"no answer within {seconds:g} s"
    match error:
        case MCPError():
            said = one_line(error.message, 200)
            return f"it said: {said}" if error.message not in _NO_WORDS else "the connection was closed"
        case ValidationError():
            return "what it said is not what the protocol allows"
        case OSError():
            return f"its command cannot be started: {error.strerror or type(error).__name__}"
        case Gone():
            return str(error)
        case _:
            return f"the connection failed ({type(error).__name__})"


def for_the_model(server: McpServer, effect: Effect, errand: Errand, error: BaseException) -> KubeAIError:
    """What to raise for a call that failed. Unreachable means that a change may or may not have happened; everything
    else that it has not."""
    error = first_of(error)
    if errand.too_late:
        return TooLate("Not sent: it came too late to be sure that this session is still ours.")
    why = reason(error, errand, server.timeout)
    if errand.sent == 0:
        return ToolError(f"The MCP server {server.name} could not be asked: {why}. Nothing was sent.")
    if _refused(errand, error):
        return ToolError(f"The MCP server {server.name} refused the call: {why}.{_advice(errand, error)}")
    text = f"The call to the MCP server {server.name} failed: {why}."
    return ToolError(text) if effect is Effect.READ else Unreachable(text)


def _refused(errand: Errand, error: BaseException) -> bool:
    if 400 <= errand.status < 500:
        return errand.status != 408
    return errand.status < 500 and isinstance(error, MCPError) and error.code in _REFUSALS and not errand.trouble


def _advice(errand: Errand, error: BaseException) -> str:
    if isinstance(error, MCPError) and error.message in ("Session terminated", "Session not found"):
        return " It was perhaps restarted and has forgotten us; the bot connects again, so the call can be repeated."
    if errand.status in (401, 403):
        return " That is for the bot's operator, or for the server's, to change: do not try again."
    return ""


def _status_words(errand: Errand, error: BaseException) -> str:
    phrase = _PHRASES.get(errand.status, "")
    words = " ".join(part for part in (f"HTTP {errand.status}", phrase) if part)
    said = one_line(error.message, 200) if isinstance(error, MCPError) and error.message not in _NO_WORDS else ""
    meaning = said or _MEANINGS.get(errand.status, "")
    wait = f"; try again after {errand.retry_after:g} s" if errand.retry_after is not None else ""
    return f"{words}{f' ({meaning})' if meaning else ''}{wait}"
