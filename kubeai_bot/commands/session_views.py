"""Sessions as tables for people, and as JSON for scripts.

Names and messages were written by others: what would move a terminal's cursor or turn its text around is shown as an
escape.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text as Styled

from kubeai_bot.domain.message import (
    Failure,
    Message,
    StoredMessage,
    Text,
    ToolCallRequest,
    ToolCallResponse,
    ToolCallStarted,
    UserChoiceRequest,
    UserChoiceResponse,
    UserInputRequest,
    UserInputResponse,
)
from kubeai_bot.domain.session import Session, Usage
from kubeai_bot.domain.storage import Dump, Pruned, StoreUsage

LONGEST = 2000
"""Characters of one message that a table shows."""


def plain(text: str) -> str:
    """The text with control characters, lone surrogates and changes of direction as escapes."""
    return "".join(char if _is_harmless(char) else ascii(char)[1:-1] for char in text)


def _is_harmless(char: str) -> bool:
    is_control = unicodedata.category(char) in {"Cc", "Cs"} or unicodedata.bidirectional(char) in _TURNING
    return char in "\n\t" or not is_control


_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


# --- tables ---


def sessions_table(sessions: Sequence[Session]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("ID", "Name", "State", "User", "Thread"):
        table.add_column(name, no_wrap=name != "Name")
    for name in ("Messages", "Tokens"):
        table.add_column(name, justify="right")
    table.add_column("Last activity (UTC)", no_wrap=True)
    for session in sessions:
        table.add_row(
            *_cells(session.id, session.name, session.agent_state, session.slack_user_id, _thread(session)),
            f"{session.last_seq}",
            f"{_total(session.usage):,}",
            _moment(session.modified_at),
        )
    return table


def dump_view(dump: Dump, newest: int) -> Group:
    """The session's record, its `newest` messages and what is unread."""
    shown = dump.messages[len(dump.messages) - min(newest, len(dump.messages)) :]
    parts: list[RenderableType] = [_facts(_record(dump))]
    if len(shown) < len(dump.messages):
        parts.append(Styled(f"… {len(dump.messages) - len(shown)} earlier messages", style="dim"))
    parts += (_message(stored) for stored in shown)
    parts += (
        _entry(f"unread · {item.incoming.kind} · {item.incoming.speaker.user_id}", item.incoming.text)
        for item in dump.inbox
    )
    return Group(*parts)


def usage_table(usage: StoreUsage) -> Table:
    return _facts(
        {
            "Sessions": f"{usage.sessions:,}",
            "Messages": f"{usage.messages:,}",
            "Unread": f"{usage.unread:,}",
            "Size": _size(usage.bytes),
            "Tokens": _tokens(usage.tokens),
            "Oldest session": _moment(usage.oldest) if usage.oldest else "–",
        }
    )


def pruned_words(pruned: Pruned) -> str:
    """`3 sessions expired, 12 deleted for good, 40 old messages deleted`."""
    expired, removed, trimmed = len(pruned.expired), len(pruned.removed), pruned.trimmed
    return (
        f"{expired} session{_s(expired)} expired, {removed} deleted for good,"
        f" {trimmed} old message{_s(trimmed)} of others deleted"
    )


def _facts(facts: dict[str, str]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in facts.items():
        table.add_row(name, Styled(plain(value)))
    return table


def _record(dump: Dump) -> dict[str, str]:
    session = dump.session
    identity = session.last_identity
    facts = {
        "ID": session.id,
        "Name": session.name,
        "State": session.agent_state.value,
        "Opened by": session.slack_user_id,
        "Thread": _thread(session),
        "Opened (UTC)": _moment(session.created_at),
        "Last activity (UTC)": _moment(session.modified_at),
        "Model": f"{session.provider} {session.model}".strip(),
        "Last acted as": f"{identity.describe()}, for {identity.speaker.user_id}" if identity else "",
        "Open turn": session.turn.turn_id if session.turn else "",
        "Turns": f"{len(dump.turns)}",
        "Tokens": _tokens(session.usage),
        "Feedback": ", ".join(f"{each.user_id} {each.kind}" for each in dump.feedback),
    }
    return {name: value for name, value in facts.items() if value}


def _message(stored: StoredMessage) -> RenderableType:
    message = stored.message
    who = message.speaker.user_id if message.speaker else message.source.value
    return _entry(f"{stored.seq} · {_moment(message.at)} · {who} · {message.type.value}", _text_of(message))


def _entry(head: str, text: str) -> RenderableType:
    text = plain(text)
    cut = f"{text[:LONGEST]}\n… {len(text) - LONGEST} more characters (--json shows all)"
    return Group(Styled(f"\n{plain(head)}", style="bold"), Styled(text if len(text) <= LONGEST else cut))


def _text_of(message: Message) -> str:
    match message.payload:
        case Text(text=text) | Failure(text=text) | UserInputResponse(text=text):
            return text
        case ToolCallRequest(calls=calls, text=text):
            wishes = (f"→ {call.name} {call.raw_arguments or dict(call.arguments or {})}" for call in calls)
            return "\n".join([text, *wishes] if text else wishes)
        case ToolCallResponse(content=content, name=name, ok=ok):
            return f"← {name}{'' if ok else ' (failed)'}\n{content}"
        case ToolCallStarted(call_id=call_id):
            return call_id
        case UserInputRequest(prompt=prompt):
            return prompt
        case UserChoiceRequest(prompt=prompt, choices=choices):
            return "\n".join([prompt, *(f"- {choice}" for choice in choices)])
        case UserChoiceResponse(choice=choice):
            return choice


def _cells(*texts: str) -> Iterable[Styled]:
    return (Styled(plain(text)) for text in texts)


def _thread(session: Session) -> str:
    return f"{session.thread.channel_id}/{session.thread.thread_ts}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _total(usage: Usage) -> int:
    return usage.input + usage.output


def _tokens(usage: Usage) -> str:
    return f"{usage.input:,} in ({usage.cached:,} cached), {usage.output:,} out"


def _size(count: int) -> str:
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


# --- JSON ---


def session_json(session: Session) -> dict[str, Any]:
    """What a list says of a session: no messages, nobody's groups."""
    return {
        "id": session.id,
        "name": session.name,
        "state": session.agent_state.value,
        "user": session.slack_user_id,
        "team": session.thread.team_id,
        "channel": session.thread.channel_id,
        "thread_ts": session.thread.thread_ts,
        "messages": session.last_seq,
        "provider": session.provider,
        "model": session.model,
        "tokens": _usage_json(session.usage),
        "created_at": session.created_at.isoformat(),
        "modified_at": session.modified_at.isoformat(),
    }


def usage_json(usage: StoreUsage) -> dict[str, Any]:
    return {
        "sessions": usage.sessions,
        "messages": usage.messages,
        "unread": usage.unread,
        "bytes": usage.bytes,
        "tokens": _usage_json(usage.tokens),
        "oldest": usage.oldest.isoformat() if usage.oldest else None,
    }


def pruned_json(pruned: Pruned) -> dict[str, Any]:
    return {"expired": list(pruned.expired), "removed": list(pruned.removed), "trimmed": pruned.trimmed}


def _usage_json(usage: Usage) -> dict[str, int]:
    return {"input": usage.input, "output": usage.output, "cached": usage.cached}
