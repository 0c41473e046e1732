"""The words that the program answers itself, without asking the model: help, status, clear, forget, stored, stop."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubeai_bot.agent.deciding import approvals_of
from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.typed import grants_text
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Json
from kubeai_bot.domain.policy import Effect, Mode
from kubeai_bot.domain.session import InboxKind, Incoming, Session
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.errors import StoreError
from kubeai_bot.interfaces import SessionStore

FORGET = "forget"
"""Metadata key of the message that announces that the session is deleted with its turn."""

CLEARED = "A fresh start: I no longer look at what was said in this thread before."
NOTHING_RUNS = "Nothing is running in this thread."
FORGOTTEN = (
    "Forgotten: what I had on record of this thread is deleted, this request included. The messages in Slack stay;"
    " delete those in Slack. Mention me to begin anew."
)
NOT_YOURS = (
    "Somebody else began this conversation, and only they may have it forgotten. Say `clear` if I should no longer look"
    " at what was said before."
)
STORE_FAILED = "My session store did not answer, so I cannot tell. Ask again in a minute."

_OF_SERVER = "__"
"""Between the name of an MCP server and that of its tool."""
_SENTENCE = re.compile(r".+?(?:[.!?](?= )|$)")
_LONGEST = 120
"""Characters of a tool's line."""

CHANGES = {
    Mode.NONE: "I change nothing: for a change I give you the command.",
    Mode.ALLOW: "I may also change things that you ask for: each change waits for an approval.",
    Mode.AUTO: "I may also change things that you ask for and may change yourself.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, and what to note beside it."""

    text: str
    metadata: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Words:
    """Answers by kind of inbox item."""

    store: SessionStore
    parts: TurnParts
    rules: TurnRules

    async def reply(self, incoming: Incoming, session: Session, identity: Identity) -> Reply | None:
        """The program's own answer; None for a question to the model."""
        match incoming.kind:
            case "message" | "decision":
                return None
            case "forget":
                return self._forget(incoming, session)
            case "stored":
                return Reply(await self._stored(incoming.speaker.user_id))
            case kind:
                return Reply(self._said(kind, session, identity))

    def help_for_refused(self, refusal: str) -> str:
        """Help for somebody who is answered nothing else, with the reason why; it names no cluster."""
        return f"{help_text(self.rules.name, self.rules.mode, ())}\n\n**Before I can do that for you:** {refusal}"

    def _said(self, kind: InboxKind, session: Session, identity: Identity) -> str:
        answers: Mapping[str, Callable[[], str]] = {
            "help": lambda: help_text(self.rules.name, self.rules.mode, self.rules.clusters),
            "clear": lambda: CLEARED,
            "stop": lambda: NOTHING_RUNS,
            "status": lambda: self._status(session, identity),
            "tools": lambda: tools_text(self.parts.tools.specs(identity), self.parts.mcp_status()),
            "grants": lambda: grants_text(approvals_of(session).living(self.rules.now())),
            "clusters": lambda: f"Clusters: {', '.join(self.rules.clusters) or 'none'}.",
        }
        return answers[kind]()

    @staticmethod
    def _forget(incoming: Incoming, session: Session) -> Reply:
        if not session.thread.is_dm and incoming.speaker.user_id != session.slack_user_id:
            return Reply(NOT_YOURS)
        return Reply(FORGOTTEN, {FORGET: True})

    def _status(self, session: Session, identity: Identity) -> str:
        rules, provider = self.rules, self.parts.provider
        troubles = "".join(f"- Not used: {trouble}\n" for trouble in self.parts.troubles())
        now = self.rules.now()
        waiting = sum(now < approval.expires_at for approval in approvals_of(session).pending)
        pending = f"- {_counted(waiting, 'change')} waiting for an approval\n" if waiting else ""
        used, records = session.usage, f", {_counted(session.last_seq, 'record')}" if session.last_seq else ""
        return (
            f"- Session `{session.id}`, begun {session.created_at:%Y-%m-%d %H:%M} UTC{records}\n"
            f"- Model: {provider.name} · {provider.model} ({used.input:,} tokens read, {used.output:,} written)\n"
            f"- You are, in Kubernetes: {identity.describe()}\n"
            f"- Clusters: {', '.join(rules.clusters) or 'none'}\n"
            f"- {CHANGES[rules.mode]}\n"
            f"{pending}"
            f"{servers_text(self.parts.mcp_status())}"
            f"{troubles}"
            f"- Sessions are kept {rules.keeping}"
        )

    async def _stored(self, user_id: str) -> str:
        try:
            about = await self.store.about(user_id)
        except StoreError:
            return STORE_FAILED
        since = f" since {about.since:%Y-%m-%d}" if about.since else ""
        return (
            f"I have {_counted(about.sessions, 'session')} on record that you began or spoke in{since}, with"
            f" {_counted(about.messages, 'message')} of yours, and {_counted(about.feedback, 'time')} your feedback."
            " A session holds what was said in its thread, what I looked up with your permissions, your Slack user id"
            f" and your Kubernetes user and groups; no tokens. Sessions are kept {self.rules.keeping}.\n"
            "Say `forget this thread` in a thread to have its session deleted."
        )


def servers_text(mcp_status: Json) -> str:
    """One line for each MCP server."""
    lines: list[str] = []
    for name, state in mcp_status.items():
        connected = f"connected, {_counted(int(state.get('tools', 0)), 'tool')}" if state.get("connected") else ""
        lines.append(f"- MCP server {name}: {connected or state.get('reason') or 'not connected'}\n")
    return "".join(lines)


def tools_text(specs: Sequence[ToolSpec], mcp_status: Json) -> str:
    """What the word `tools` answers: a line for each tool, those that change something apart, and one for the tools of
    each MCP server (whose own descriptions are written for the model)."""
    own = [spec for spec in specs if _OF_SERVER not in spec.name]
    looking = [_line(spec) for spec in own if spec.effect is Effect.READ]
    changing = [_line(spec) for spec in own if spec.effect is not Effect.READ]
    servers: dict[str, list[str]] = {}
    for spec in specs:
        server, of_server, tool = spec.name.partition(_OF_SERVER)
        if of_server:
            servers.setdefault(server, []).append(f"`{tool}`{'' if spec.effect is Effect.READ else ' (changes)'}")
    lent = [f"- {server}: {', '.join(tools)}" for server, tools in servers.items()]
    parts = (("To look", looking), ("To change something", changing), ("From MCP servers", lent))
    lists = [f"**{title}**\n" + "\n".join(lines) for title, lines in parts if lines]
    return "\n\n".join([f"{_counted(len(specs), 'tool')}:", *lists, servers_text(mcp_status)]).strip()


def _line(spec: ToolSpec) -> str:
    """The name, and the first sentence of the description."""
    said = _SENTENCE.match(" ".join(spec.description.split()))
    return f"- `{spec.name}`" + (f": {_shortened(said[0].rstrip('.'))}" if said else "")


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def help_text(name: str, mode: Mode, clusters: Sequence[str]) -> str:
    """What the bot is, what it may change, and the words it knows."""
    listed = ", ".join(f"`{cluster}`" for cluster in clusters)
    where = f" (clusters: {listed})" if len(clusters) > 1 else ""
    return (
        f"I am {name}. Ask me about your Kubernetes clusters{where} in plain words, for example:\n"
        "- What is unhealthy right now?\n"
        "- Why does the checkout pod in shop keep crashing?\n"
        "- Show the last logs of the search deployment.\n"
        "- Who am I, and what may I do?\n\n"
        f"Everything I look at, I look at with *your* Kubernetes permissions. {CHANGES[mode]}\n\n"
        "In a thread I have answered in you need not mention me again. Words I know:\n"
        "- `stop` stops me\n"
        "- `new` (or `clear`) starts afresh in this thread\n"
        "- `yes` or `no` decides on the change that you asked for and that waits for an approval\n"
        "- `status` says what this thread's session is\n"
        "- `tools` lists what I can look at and do\n"
        "- `grants` lists the standing approvals of this thread, `revoke ID` ends one\n"
        "- `forget this thread` deletes what I have on record of it\n"
        "- `what do you store about me` says what that is\n"
        "- `help` shows this text"
    )
