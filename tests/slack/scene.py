"""A stage in a simulated workspace, a question in it, and the record that a runner would keep."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kubeai_bot.domain.event import (
    TextDelta,
    TurnEvent,
)
from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import AnswerRef, ThreadRef
from kubeai_bot.errors import LeaseLost
from kubeai_bot.interfaces import Emit, Showing
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.workspace.state import loop_time
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.stage import SlackStage
from kubeai_bot.slack.timing import Timing

QUICK = Timing(opening=0.02, append=0.02, edit=0.02, look_again=0.05, give_up=2.0, retry=0.05)
TURN = "5e55-1"


class Clock:
    """The time of the running loop, as seconds since 1970, that can be made to jump."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return loop_time() + self.ahead


@dataclass
class Record:
    """What a runner keeps of an answer; `lost_after` records the lease is lost."""

    answers: list[AnswerRef] = field(default_factory=list)
    lost_after: int | None = None

    async def __call__(self, answer: AnswerRef) -> None:
        await asyncio.sleep(0)
        if self.lost_after is not None and len(self.answers) >= self.lost_after:
            raise LeaseLost("somebody else has it")
        self.answers.append(answer)

    @property
    def last(self) -> AnswerRef:
        return self.answers[-1]


@dataclass
class Scene:
    workspace: Workspace
    calls: PacedCalls
    bot: Bot
    clock: Clock
    record: Record = field(default_factory=Record)

    async def ask(self, text: str = "why?", channel: str = "D0MIA") -> Showing:
        """A question by Mia, not delivered to anybody, and what a stage is told of it."""
        self.workspace.bot_events = frozenset({"agent_session_stopped"})
        user = channel.replace("D", "U", 1) if channel.startswith("D") else "U0MIA"
        ts = await self.workspace.say(user, text, channel=channel)
        thread = ThreadRef("T0SHOP", channel, ts, channel.startswith("D"))
        return Showing(thread, Speaker("T0SHOP", user), TURN, ts, self.record)

    def stage(self, **timing: Any) -> SlackStage:
        return SlackStage(self.calls, self.bot, replace(QUICK, clock=self.clock, **timing))

    def answers(self, showing: Showing) -> list[SimMessage]:
        """The bot's messages in the thread, oldest first."""
        thread = self.workspace.messages(showing.thread.channel_id, showing.thread.thread_ts)
        return [message for message in thread if message.bot_id is not None]

    async def until(self, predicate: Callable[[], Any], what: str) -> Any:
        """The first true value of `predicate`, which may look at the workspace and at records."""
        try:
            async with asyncio.timeout(30):
                while not (found := predicate()):  # noqa: ASYNC110 - two things to look at, no common event
                    await asyncio.sleep(0.005)
                return found
        except TimeoutError as error:
            raise TimeoutError(f"{what}: did not happen\n{self.workspace.transcript()}") from error

    def count(self, method: str) -> int:
        return len(self.workspace.calls_of(method))


async def play(emit: Emit, *events: TurnEvent) -> None:
    for event in events:
        await emit(event)


def words(text: str, pieces: int = 4) -> Sequence[TextDelta]:
    step = max(1, len(text) // pieces)
    return [TextDelta(text[at : at + step]) for at in range(0, len(text), step)]


def shown(message: SimMessage) -> str:
    """The Markdown and table cells of a message, without cards and notes."""
    parts: list[str] = []
    for block in message.all_blocks():
        if block["type"] == "markdown":
            parts.append(block["text"])
        elif block["type"] == "table":
            parts += [" | ".join(cell["text"] for cell in row) for row in block["rows"]]
    return "\n".join(parts)


def notes(message: SimMessage) -> list[str]:
    """The remarks below an answer."""
    blocks = [block for block in message.all_blocks() if block["type"] == "context"]
    return [element["text"] for block in blocks for element in block["elements"]]


def thumbs(message: SimMessage) -> list[str]:
    """The turns whose answer can be liked or not with this message."""
    blocks = [block for block in message.all_blocks() if block["type"] == "context_actions"]
    values = [element["positive_button"]["value"] for block in blocks for element in block["elements"]]
    return [value.removeprefix("positive:") for value in values]


def cards(message: SimMessage) -> dict[str, tuple[str, str]]:
    """Title to (status, output) of each card."""
    found: dict[str, tuple[str, str]] = {}
    for block in message.all_blocks():
        for card in block.get("tasks", ()) if block["type"] == "plan" else ():
            output = card.get("output", {"elements": [{"elements": [{"text": ""}]}]})
            found[card["title"]] = (card["status"], output["elements"][0]["elements"][0]["text"])
    return found
