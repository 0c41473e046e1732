"""The Slack app: every event is received durably, and only then acked; every other act is at least acked.

Bolt runs with `process_before_response`: by default it would ack before the listener. A listener that raises makes
its answer a 500, which Slack takes for "not delivered" over HTTP; over Socket Mode Bolt then sends no ack at all.
Either way Slack delivers the event again.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import Incoming
from kubeai_bot.slack.approval_cards import APPROVE, DENY, FULL_DIFF, GRANT
from kubeai_bot.slack.background import Background
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import Bot, sdk_logger
from kubeai_bot.slack.closing import CHOICE, OUTPUT, UNDO
from kubeai_bot.slack.commands import SlashCommand
from kubeai_bot.slack.decisions import DecisionClicks
from kubeai_bot.slack.feedback import FEEDBACK, FeedbackClicks
from kubeai_bot.slack.home import Home
from kubeai_bot.slack.home_clicks import HomeClicks
from kubeai_bot.slack.home_view import ASK_PROMPT, FORGET, STORED
from kubeai_bot.slack.incoming import incoming_from
from kubeai_bot.slack.outputs import OutputClicks
from kubeai_bot.slack.paging import DOWNLOAD, NEXT, PREVIOUS, SEARCH
from kubeai_bot.slack.prompts import SuggestedPrompts
from kubeai_bot.slack.questions import Questions
from kubeai_bot.slack.recording import Receive
from kubeai_bot.slack.replies import Replies
from kubeai_bot.slack.shortcuts import ASK, INVESTIGATE, Shortcuts
from kubeai_bot.slack.surfaces import Surfaces

log = structlog.get_logger(__name__)

_ANYTHING = re.compile(".*", re.DOTALL)


def build_app(
    calls: PacedCalls,
    bot: Bot,
    signing_secret: str | None,
    receive: Receive,
    surfaces: Surfaces | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncApp:
    """One app for both transports. `signing_secret` None: only Socket Mode will do, every HTTP request is refused.

    `receive` puts an event on record; while it raises, Slack is not acked and delivers again. Without `surfaces` there
    are messages only.
    """
    app = AsyncApp(
        logger=sdk_logger(),
        name="kubeai",
        process_before_response=True,
        signing_secret=signing_secret or secrets.token_hex(32),
        client=calls.client,
        authorize=_authorize(calls, bot),
        attaching_conversation_kwargs_enabled=False,
    )
    prompts = SuggestedPrompts(calls)
    background = Background()
    home: Home | None = None
    if surfaces is not None:
        home = _add_surfaces(app, calls, bot, surfaces, Questions(calls, bot, receive, now, background))

    async def on_event(body: dict[str, Any]) -> None:
        incoming = incoming_from(body, bot, now())
        if incoming is not None:
            await _receive(receive, incoming, body)
            return
        event: dict[str, Any] = body.get("event") or {}
        if event.get("type") != "app_home_opened":
            return
        if event.get("tab") == "messages" and event.get("channel"):
            background.start(prompts.suggest(bot.team_id, str(event["channel"])))
        elif event.get("tab") == "home" and event.get("user") and home is not None:
            speaker = Speaker(str(body.get("team_id") or bot.team_id), str(event["user"]))
            background.start(home.opened(speaker, event.get("view") or {}))

    async def on_error(error: Exception) -> BoltResponse:
        log.error("not received; an event will be delivered again", error=type(error).__name__, exc_info=error)
        return BoltResponse(status=503, body="")

    app.event(_ANYTHING)(on_event)
    for kind in (app.action, app.shortcut, app.view):
        kind(_ANYTHING)(_only_ack)
    app.error(on_error)
    return app


def _add_surfaces(app: AsyncApp, calls: PacedCalls, bot: Bot, surfaces: Surfaces, questions: Questions) -> Home:
    """Listeners of everything that is not an event; the first that matches is taken."""
    background, replies = questions.background, Replies(calls)
    home = HomeClicks(calls, bot, surfaces, questions, background)
    shortcuts = Shortcuts(calls, bot, questions, replies, background)
    feedback = FeedbackClicks(calls, bot, surfaces, replies, background)
    app.command(_ANYTHING)(SlashCommand(bot, surfaces, questions, replies, background).asked)
    app.shortcut(INVESTIGATE)(shortcuts.investigate)
    app.shortcut(ASK)(shortcuts.ask)
    app.view(ASK)(shortcuts.submitted)
    app.action(re.compile(rf"{ASK_PROMPT}:\d+"))(home.ask_prompt)
    app.action(FORGET)(home.forget)
    app.action(STORED)(home.stored)
    app.action(FEEDBACK)(feedback.clicked)
    app.view(FEEDBACK)(feedback.explained)
    _add_buttons(app, calls, bot, surfaces, questions)
    return home.home


def _add_buttons(app: AsyncApp, calls: PacedCalls, bot: Bot, surfaces: Surfaces, questions: Questions) -> None:
    """Listeners of what stands below answers: approvals, outputs, undoing, choices."""
    replies = Replies(calls)
    decisions = DecisionClicks(calls, bot, surfaces, questions, replies)
    outputs = OutputClicks(calls, bot, surfaces, replies, questions.background)
    app.action(APPROVE)(decisions.approve)
    app.action(GRANT)(decisions.grant)
    app.action(DENY)(decisions.deny)
    app.view(DENY)(decisions.denied)
    app.action(re.compile(rf"{UNDO}:\d+"))(decisions.undo)
    app.action(re.compile(rf"{CHOICE}:\d+"))(decisions.choose)
    app.action(FULL_DIFF)(outputs.show_diff)
    app.action(re.compile(rf"{OUTPUT}:\d+"))(outputs.show_output)
    for action_id in (PREVIOUS, NEXT):
        app.action(action_id)(outputs.turn)
    app.view(SEARCH)(outputs.search)
    app.action(DOWNLOAD)(outputs.download)


async def _only_ack(ack: AsyncAck) -> None:
    """For what nobody listens to: a button with a link sends an action too."""
    await ack()


async def _receive(receive: Receive, incoming: Incoming, body: dict[str, Any]) -> None:
    receipt = await receive(incoming)
    log.info(
        "event received",
        event_id=body.get("event_id"),
        kind=incoming.kind,
        session=receipt.session_id,
        repeated=receipt.repeated,
        user=incoming.speaker.user_id,
    )


def _authorize(calls: PacedCalls, bot: Bot) -> Callable[..., Awaitable[AuthorizeResult]]:
    """Bolt's own authorisation asks `auth.test` on the first event, and where that fails it *acks* the event."""
    result = AuthorizeResult(
        enterprise_id=bot.enterprise_id,
        team_id=bot.team_id,
        bot_user_id=bot.user_id,
        bot_id=bot.bot_id,
        bot_token=calls.client.token,
    )

    async def authorize() -> AuthorizeResult:
        return result

    return authorize
