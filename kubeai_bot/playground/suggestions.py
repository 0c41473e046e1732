"""What to try first in the playground, and who is who there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.workspace.people import BOT_USER_ID
from kubeai_bot.playground.workspace.wire import Json

REQUESTER = "U0MIA"
"""The person that the playground is shown through first, and the only one who may use a real cluster."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to say. `channel` None: a direct message; `follow_up`: in the thread of the question before; `then`:
    what the person says to the answer where there is nothing to click on."""

    who: str
    text: str
    remark: str
    channel: str | None = None
    follow_up: bool = False
    then: str = ""


TOUR = (
    Question(
        "U0MIA", "What is unhealthy right now?", "Mia is a developer of the shop: she may look into namespace shop."
    ),
    Question("U0MIA", "Who am I, and what may I do?", "The same thread; no mention is needed.", follow_up=True),
    Question(
        "U0OMAR",
        "What is unhealthy right now?",
        "Omar is a platform engineer: the same question, asked in a channel, with his rights.",
        channel="C0ONCALL",
    ),
    Question(
        "U0MIA",
        "Is there a runbook for a crash loop?",
        "The shop's runbooks come from an MCP server that the bot is connected to.",
    ),
    Question("U0SAM", "Show me all pods, please", "Sam is mapped to nobody in Kubernetes."),
)


def tour(scenario: Scenario | None, mode: Mode) -> tuple[Question, ...]:
    """The questions of the tour; with a change where the bot may make one and the demo has something to mend."""
    stuck = next((fault for fault in scenario.faults if fault.kind == "rollout"), None) if scenario else None
    if stuck is None or mode is Mode.NONE:
        return TOUR
    wish = f"Roll back {stuck.workload} in {stuck.namespace}"
    asking = "Nothing changes yet: a card shows what would. Look at the diff, then approve it (a click, or yes)."
    acting = "Its newest rollout is stuck. Omar may mend it, so the bot does, and watches the rollout."
    changes = (
        Question("U0OMAR", wish, asking if mode is Mode.ALLOW else acting, then="yes" if mode is Mode.ALLOW else ""),
        Question("U0MIA", wish, "Mia may look, not change: she is told which right is missing."),
    )
    return (*TOUR[:-1], *changes, TOUR[-1])


NOTES: Mapping[str, str] = {
    "U0MIA": "Developer: may look into namespace shop",
    "U0OMAR": "Platform engineer: sees everything, may change shop and payments",
    "U0SAM": "Mapped to nobody in Kubernetes: is refused",
    "U0GIL": "A guest: is refused",
    "U0EVE": "From another organisation: is refused",
}
"""Who may do what in the simulated cluster."""


COMMANDS: tuple[Json, ...] = (
    {
        "command": "/kubeai",
        "description": "Ask about your Kubernetes clusters",
        "usage_hint": "why is checkout down? (or: help, status, whoami)",
    },
)
SHORTCUTS: tuple[Json, ...] = (
    {"callback_id": "investigate_message", "name": "Investigate this", "type": "message"},
    {"callback_id": "ask_cluster", "name": "Ask about the cluster", "type": "global"},
)
"""Commands and shortcuts as in the app's manifest (docs/slack-manifest.socket.json)."""


def suggestion(question: Question) -> Json:
    """For the page's snapshot."""
    return {
        "as": question.who,
        "channel": question.channel or f"D{question.who[1:]}",
        "text": f"<@{BOT_USER_ID}> {question.text}" if question.channel else question.text,
        "remark": question.remark,
        "follow_up": question.follow_up,
    }
