"""What this package asks Slack for: the scopes of every method it calls and every event it reads. The manifests, the
tests and `kubeai-bot doctor` go by this list."""

from __future__ import annotations

from collections.abc import Mapping

_HISTORY = frozenset({"channels:history", "groups:history", "im:history", "mpim:history"})

OF_METHODS: Mapping[str, frozenset[str]] = {
    "apps_connections_open": frozenset[str](),  # the app-level token's connections:write
    "agents_sessions_setStatus": frozenset({"chat:write"}),
    "assistant_threads_setStatus": frozenset({"chat:write"}),
    "assistant_threads_setSuggestedPrompts": frozenset({"assistant:write"}),
    "auth_test": frozenset[str](),
    "chat_appendStream": frozenset({"chat:write"}),
    "chat_delete": frozenset({"chat:write"}),
    "chat_getPermalink": frozenset[str](),
    "chat_postEphemeral": frozenset({"chat:write"}),
    "chat_postMessage": frozenset({"chat:write"}),
    "chat_startStream": frozenset({"chat:write"}),
    "chat_stopStream": frozenset({"chat:write"}),
    "chat_update": frozenset({"chat:write"}),
    "conversations_open": frozenset({"im:write"}),
    "conversations_replies": _HISTORY,
    "files_upload_v2": frozenset({"files:write"}),
    "users_info": frozenset({"users:read", "users:read.email"}),
    "views_open": frozenset[str](),
    "views_publish": frozenset[str](),
}
"""By the SDK's name of the method (https://docs.slack.dev/reference/methods)."""

OF_EVENTS: Mapping[str, frozenset[str]] = {
    "agent_session_stopped": frozenset[str](),
    "app_home_opened": frozenset[str](),
    "app_mention": frozenset({"app_mentions:read"}),
    "message.channels": frozenset({"channels:history"}),
    "message.groups": frozenset({"groups:history"}),
    "message.im": frozenset({"im:history"}),
    "message.mpim": frozenset({"mpim:history"}),
}
"""By the subscription's name (https://docs.slack.dev/reference/events)."""

OF_ENTRANCES = frozenset({"commands"})
"""What a slash command and shortcuts need."""

NEEDED = frozenset[str]().union(*OF_METHODS.values(), *OF_EVENTS.values(), OF_ENTRANCES)
"""Every scope of the bot token."""
