"""Slack: the tokens, their scopes against what the code calls, and the way in."""

from __future__ import annotations

import asyncio
import errno

from kubeai_bot.doctor.bounds import bounded, side_by_side
from kubeai_bot.doctor.clock import compare_clocks
from kubeai_bot.doctor.finding import Finding, fault, ok, outage, warning
from kubeai_bot.settings.environment import Settings
from kubeai_bot.slack.calls import Refused, SlackTrouble
from kubeai_bot.slack.credentials import Tokens, TokenSeen, tokens
from kubeai_bot.slack.scopes import NEEDED

_APP = "https://api.slack.com/apps"
_NETWORK = "Let this machine reach {url} by HTTPS (egress, proxy, DNS); see https://status.slack.com too."


async def look_at_slack(settings: Settings) -> tuple[Finding, ...]:
    async with tokens(settings.slack_bot_token.get_secret_value(), settings.slack_api_url) as tried:
        return await side_by_side(
            bounded("slack.token", _token(settings, tried), "Slack"),
            bounded("slack.transport", _way_in(settings, tried), "Slack"),
            bounded("slack.listen_address", _listen_address(settings), "the system"),
        )


async def _token(settings: Settings, tried: Tokens) -> tuple[Finding, ...]:
    try:
        seen = await tried.look_at_bot_token()
    except Refused as refused:
        fix = f"Set SLACK_BOT_TOKEN to the Bot User OAuth Token (xoxb-…) of {_APP} > OAuth & Permissions."
        return (fault("slack.token", f"Slack refuses SLACK_BOT_TOKEN ({refused.code})", fix),)
    except SlackTrouble as trouble:
        says = f"Slack does not answer ({trouble})"
        return (outage("slack.token", says, _NETWORK.format(url=settings.slack_api_url)),)
    return (
        ok("slack.token", f"the bot token is that of {seen.user or 'the bot'} in {seen.team or 'the workspace'}"),
        _scopes(seen),
        compare_clocks("slack.clock", "Slack", seen.date),
    )


def _scopes(seen: TokenSeen) -> Finding:
    check = "slack.scopes"
    if seen.scopes is None:
        return warning(
            check, "Slack did not say which scopes the token has", f"Compare them with the manifest at {_APP}."
        )
    if missing := sorted(NEEDED - seen.scopes):
        fix = (
            f"Add {', '.join(missing)} to the bot token scopes at {_APP} > OAuth & Permissions, then reinstall the app."
        )
        return fault(check, f"the bot token lacks {len(missing)} of {len(NEEDED)} scopes: {', '.join(missing)}", fix)
    return ok(check, f"the bot token has all {len(NEEDED)} scopes that are used")


async def _way_in(settings: Settings, tried: Tokens) -> Finding:
    check = "slack.transport"
    if settings.slack_app_token is None:
        return ok(check, "events come over HTTP, and SLACK_SIGNING_SECRET is set; only an event can prove it right")
    try:
        await tried.try_socket_mode(settings.slack_app_token.get_secret_value())
    except Refused as refused:
        fix = (
            f"Set SLACK_APP_TOKEN to an app-level token (xapp-…) with connections:write of {_APP} > Basic Information,"
            " and turn Socket Mode on."
        )
        return fault(check, f"Slack refuses SLACK_APP_TOKEN for Socket Mode ({refused.code})", fix)
    except SlackTrouble as trouble:
        return outage(check, f"Slack does not answer ({trouble})", _NETWORK.format(url=settings.slack_api_url))
    return ok(check, "Socket Mode opens")


async def _listen_address(settings: Settings) -> Finding:
    """Bound for a moment and not listened on."""
    check = "slack.listen_address"
    host, port = settings.listen_host_port
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    except OSError as error:
        says = f"LISTEN_ADDRESS {settings.listen_address} cannot be listened on: {error.strerror or error}"
        if error.errno == errno.EADDRINUSE:
            return warning(check, says, "Fine if that is this bot, running; otherwise choose another LISTEN_ADDRESS.")
        return fault(check, says, "Set LISTEN_ADDRESS to an address of this machine and a free port, 0.0.0.0:8888.")
    server.close()
    await server.wait_closed()
    return ok(check, f"LISTEN_ADDRESS {settings.listen_address} is free")
