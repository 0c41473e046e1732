"""Logs: one stream, structured, without secrets, bodies and local variables."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from kubeai_bot.logs import MASK, configure_logging


@pytest.fixture
def logged():
    """Configures logging into a buffer and gives what is logged by a function: lines of text."""

    def logged(act, form="json", level="INFO", secrets=()) -> list[str]:
        stream = io.StringIO()
        configure_logging(level, form, secrets, stream)
        act()
        return stream.getvalue().splitlines()

    yield logged
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def record(logged):
    """The only record that a function logs, parsed."""

    def record(act, **options) -> dict:
        (line,) = logged(act, **options)
        return json.loads(line)

    return record


def ours() -> structlog.stdlib.BoundLogger:
    return structlog.get_logger("kubeai_bot.slack.listeners")


def test_a_record_is_one_json_object_with_its_context(record):
    def act():
        with structlog.contextvars.bound_contextvars(session="s1", turn="t1"):
            ours().info("event received", kind="message", n=3)

    found = record(act)
    assert found.pop("timestamp").endswith("Z")
    assert found == {
        "event": "event received",
        "kind": "message",
        "n": 3,
        "session": "s1",
        "turn": "t1",
        "level": "info",
        "logger": "kubeai_bot.slack.listeners",
    }


def test_the_console_form_is_for_reading(logged):
    (line,) = logged(lambda: ours().warning("lease lost", session="s1"), form="console")
    assert "lease lost" in line
    assert "session=s1" in line
    assert not line.startswith("{")


def test_records_of_libraries_take_the_same_way(record):
    def act():
        with structlog.contextvars.bound_contextvars(session="s1"):
            logging.getLogger("some.library").warning("it %s", "happened")

    found = record(act)
    assert (found["event"], found["session"], found["level"]) == ("it happened", "s1", "warning")
    assert found["logger"] == "some.library"


@pytest.mark.parametrize(("level", "expected"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)])
def test_the_level_counts_for_our_logs_and_theirs(logged, level, expected):
    def act():
        for name in ("debug", "info", "warning", "error"):
            getattr(ours(), name)("x")
            getattr(logging.getLogger("some.library"), name)("x")

    assert len(logged(act, level=level)) == 2 * expected


@pytest.mark.parametrize(
    ("name", "silent"),
    [
        ("httpx2", logging.INFO),
        ("httpcore2.connection", logging.DEBUG),
        ("openai._base_client", logging.DEBUG),
        ("aiohttp.access", logging.INFO),
        ("kubernetes.client.rest", logging.DEBUG),
        ("urllib3.connectionpool", logging.DEBUG),
        ("slack_sdk.web.async_client", logging.DEBUG),
        ("slack_bolt.AsyncApp", logging.DEBUG),
    ],
)
def test_talkative_libraries_stay_silent_even_at_debug(logged, name, silent):
    def act():
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)  # as Bolt does with its own
        logger.log(silent, "the whole body")
        logger.warning("trouble")

    (line,) = logged(act, level="DEBUG")
    assert "trouble" in line


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "Invalid request signature detected (signature: v0=1, timestamp: 2, body: {'text': 'PRIVATE'}\nPRIVATE)",
            70,
        ),
        ("a global middleware x skipped without providing a response for the request ({'text': 'PRIVATE'})", 70),
        ("Unhandled request ({'type': 'event_callback'})\n---\n[Suggestion] PRIVATE", 46),
    ],
)
def test_bolt_never_logs_the_body_of_a_request(record, text, kept):
    found = record(lambda: logging.getLogger("slack_bolt.AsyncRequestVerification").warning(text))
    assert "PRIVATE" not in json.dumps(found)
    assert found["event"].startswith(text[: kept - 8])


async def test_the_real_request_verification_of_bolt_is_filtered(logged):
    from slack_bolt.middleware.request_verification.async_request_verification import AsyncRequestVerification
    from slack_bolt.request.async_request import AsyncBoltRequest
    from slack_bolt.response import BoltResponse

    stream = io.StringIO()
    configure_logging("DEBUG", "json", (), stream)
    verification = AsyncRequestVerification("signing-secret")
    request = AsyncBoltRequest(
        body='{"text": "PRIVATE"}',
        headers={"x-slack-signature": ["v0=0"], "x-slack-request-timestamp": ["1790000000"]},
    )

    async def next_() -> BoltResponse:
        raise AssertionError("an unsigned request went through")

    response = await verification.async_process(req=request, resp=BoltResponse(status=200), next=next_)
    assert response.status == 401
    assert "Invalid request signature" in stream.getvalue()
    assert "PRIVATE" not in stream.getvalue()


# --- exceptions ---


def raise_with(text: str) -> None:
    local = "PRIVATE LOCAL"
    raise ValueError(text or local)


def fail() -> None:
    try:
        raise_with("what went wrong")
    except ValueError:
        ours().exception("turn failed")


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_is_logged_without_local_variables(logged, form):
    text = "\n".join(logged(fail, form=form))
    assert "what went wrong" in text
    assert "ValueError" in text
    assert "test_logs.py" in text
    assert "PRIVATE" not in text


def test_an_exception_is_data_in_json(record):
    found = record(fail)
    assert found["exception"][0]["exc_type"] == "ValueError"
    assert "locals" not in json.dumps(found["exception"])


# --- masking ---


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-1234-5678-abcDEF",
        "xoxe.xoxp-1-Mi0yLTEyMw",
        "xapp-1-A0KUBEAI-123-abcdef",
        "sk-proj-abcdefghijklmnopqrst_-",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6.eyJpc3MiOiJrdWJlcm5ldGVz.c2lnbmF0dXJl",
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_what_looks_like_a_secret_is_masked_wherever_it_stands(logged, form, secret):
    def act():
        ours().info(f"said {secret}.", value=secret, deep={"list": [f"a {secret}"]})
        try:
            raise_with(f"with {secret}")
        except ValueError:
            logging.getLogger("some.library").exception("failed")

    text = "\n".join(logged(act, form=form))
    assert secret not in text
    assert text.count(MASK) >= 4


def test_bearer_tokens_and_passwords_in_urls_are_masked_and_the_rest_is_kept(record):
    found = record(
        lambda: ours().info("x", header="Authorization: Bearer abc.def-123", url="postgres://me:pa55@db:5432/x?y=1")
    )
    assert found["header"] == f"Authorization: Bearer {MASK}"
    assert found["url"] == f"postgres://{MASK}@db:5432/x?y=1"


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("secret", ["0123456789abcdef", 'quo"te\\and\nline', "ünïcode-secret"])
def test_secrets_that_are_known_are_masked_whatever_they_look_like(logged, form, secret):
    text = "\n".join(logged(lambda: ours().info("x", value=f"a {secret} b"), form=form, secrets=[secret, ""]))
    assert MASK in text
    assert secret not in text
    assert json.dumps(secret)[1:-1] not in text


@pytest.mark.parametrize(
    "text",
    [
        "task-abcdefghijklmnopqrstuv",
        "disk-usage-of-the-largest-node",
        "pod risk-sk-x",
        "http://host:80/path@v1",
        "xoxo",
    ],
)
def test_ordinary_text_is_not_masked(record, text):
    assert record(lambda: ours().info("x", value=text))["value"] == text
