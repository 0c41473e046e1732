"""Sentences about one person: who they are in Kubernetes, what is stored of them, what their conversations do. Pure."""

from __future__ import annotations

from kubeai_bot.domain.identity import Identity, describe_user
from kubeai_bot.domain.session import AgentState, Session
from kubeai_bot.domain.storage import AboutPerson

_STATES = {
    AgentState.IDLE: "nothing asked yet",
    AgentState.RUNNING: "at work",
    AgentState.WAITING_FOR_INPUT: "waits for you",
    AgentState.WAITING_FOR_APPROVAL: "waits for an approval",
    AgentState.DONE: "answered",
}


def state_of(session: Session) -> str:
    """The state of a conversation in two or three words."""
    return _STATES[session.agent_state]


def describe_person(identity: Identity) -> str:
    """Markdown: the Kubernetes user and groups that a person's questions are asked with."""
    lines = [f"In Kubernetes you are `{_code(identity.describe())}`."]
    lines += [
        f"- on `{_code(cluster)}`: `{_code(describe_user(user.user, user.groups))}`"
        for cluster, user in identity.per_cluster
    ]
    return "\n".join(lines)


def stored_text(stored: AboutPerson, keeping: str) -> str:
    """Markdown: what the session store holds of a person, how long (`keeping`), and how it goes away."""
    if not (stored.sessions or stored.messages or stored.feedback):
        return "I store nothing about you."
    since = f" since {stored.since:%Y-%m-%d}" if stored.since else ""
    return (
        f"I have {_count(stored.sessions, 'session')} on record that you began or spoke in{since}, with"
        f" {_count(stored.messages, 'message')} of yours, and {_count(stored.feedback, 'time')} your feedback.\n\n"
        "A session holds what was said in its thread, what I looked up with your permissions, your Slack user id and"
        " your Kubernetes user and groups; no tokens.\n\n"
        f"Sessions are kept {keeping.rstrip('.')}. Say `forget this thread` in a thread, or use its Forget button in my"
        " Home tab, and its session is deleted. The messages in Slack stay."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _code(text: str) -> str:
    return text.replace("`", "'")
