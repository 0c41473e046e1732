"""The answer as it should stand in Slack at this moment, put together from what the turn says. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from kubeai_bot.domain.event import (
    Notice,
    TextDelta,
    TextDiscarded,
    TextFinished,
    ToolFinished,
    ToolOutcome,
    ToolProgress,
    ToolStarted,
    TurnEvent,
    TurnOutcome,
)
from kubeai_bot.slack.safe_markdown import plain_line

TaskStatus = Literal["pending", "in_progress", "complete", "error"]
"""`pending`: it waits for an approval, or was stopped before it was done; Slack has no status of its own for that."""

CARD_CHARACTERS = 250
"""Slack documents 256 for ids, titles and outcomes of task cards."""

PROGRESS_CHARACTERS = 100

INTERRUPTED, STOPPED = "interrupted", "stopped"

_STATUS: Mapping[ToolOutcome, TaskStatus] = {"ok": "complete", "waiting": "pending", "interrupted": "pending"}


@dataclass(frozen=True, slots=True)
class Task:
    """One tool call as a card. `output` is its short outcome, "" while it runs; `progress` how far it is until then."""

    id: str
    title: str
    status: TaskStatus
    output: str = ""
    progress: str = ""

    @property
    def live_title(self) -> str:
        """The title with the progress in it: of a streamed card only title and status can be said anew."""
        return plain_line(f"{self.title} · {self.progress}", CARD_CHARACTERS) if self.progress else self.title


@dataclass(slots=True)
class Draft:
    """`text` is the answer's Markdown so far, as the model wrote it. `title` heads the cards; once something was
    `noticed` it is shown without any."""

    tasks: dict[str, Task] = field(default_factory=dict[str, Task])
    title: str = "Working on it"
    noticed: bool = False
    _interrupted: set[str] = field(default_factory=set[str])
    _paragraphs: list[str] = field(default_factory=list[str])
    _partial: str = ""

    @property
    def text(self) -> str:
        """Paragraphs joined as `TurnEnded.answer` joins them, so that the one is a beginning of the other."""
        return "\n\n".join(part for part in (*self._paragraphs, self._partial.strip()) if part)

    def apply(self, event: TurnEvent) -> None:
        match event:
            case TextDelta(text=text):
                self._partial += text
            case TextDiscarded():
                self._partial = ""
            case TextFinished(text=text):
                self._partial = ""
                self._add(text)
            case ToolStarted(call_id=call_id, intent=intent):
                self._start(call_id, intent)
            case ToolProgress(call_id=call_id, text=text):
                self._go_on(call_id, text)
            case ToolFinished():
                self._finish(event)
            case Notice(text=text):
                self.title = plain_line(text, CARD_CHARACTERS) or self.title
                self.noticed = True
            case _:
                pass

    def adopt(self, tasks: Mapping[str, Task]) -> None:
        """Cards that an earlier runner of this turn has shown, below those of this one."""
        interrupted = {
            id_: replace(task, status="error", output=INTERRUPTED) if task.status == "in_progress" else task
            for id_, task in tasks.items()
        }
        self.tasks = {**interrupted, **self.tasks}

    def close(self, outcome: TurnOutcome, seconds: float) -> None:
        """The turn is over: nothing is left running, and the title says so. What a person stopped has not failed; that
        it was stopped is for the answer's text to say."""
        stopped = outcome == "stopped"
        status: TaskStatus = "pending" if stopped else "error"
        for task in self.tasks.values():
            if task.status == "in_progress" or task.id in self._interrupted:
                output = task.output or (STOPPED if stopped else INTERRUPTED)
                self.tasks[task.id] = replace(task, status=status, output=output, progress="")
        word = "Failed after" if outcome == "failed" else "Worked for"
        done = sum(task.status == "complete" for task in self.tasks.values())
        count = f"{done} of {len(self.tasks)}" if stopped else len(self.tasks)
        steps = f" · {count} step{'s' * (len(self.tasks) != 1)}" if self.tasks else ""
        self.title = f"{word} {duration(seconds)}{steps}"

    def _add(self, text: str) -> None:
        if text.strip():
            self._paragraphs.append(text.strip())

    def _start(self, call_id: str, intent: str) -> None:
        self._add(self._partial)
        self._partial = ""
        id_ = card_id(call_id)
        title = plain_line(intent, CARD_CHARACTERS) or "Look something up"
        self.tasks[id_] = Task(id_, title, "in_progress")
        self.title = title

    def _go_on(self, call_id: str, text: str) -> None:
        task = self.tasks.get(card_id(call_id))
        if task is not None and task.status == "in_progress":
            self.tasks[task.id] = replace(task, progress=plain_line(text, PROGRESS_CHARACTERS))

    def _finish(self, event: ToolFinished) -> None:
        id_ = card_id(event.call_id)
        known = self.tasks.get(id_)
        self._interrupted.discard(id_)
        if event.outcome == "interrupted":
            if known is not None and known.status == "complete":  # done, while others beside it still ran
                return
            self._interrupted.add(id_)
        title = known.title if known else plain_line(event.intent, CARD_CHARACTERS) or "Look something up"
        took = f" · {duration(event.seconds)}" if event.seconds else ""
        said = plain_line(event.summary, CARD_CHARACTERS - len(took)) or ("done" if event.outcome == "ok" else "failed")
        self.tasks[id_] = Task(id_, title, _STATUS.get(event.outcome, "error"), said + took)


def card_id(call_id: str) -> str:
    """Vendors' call ids may be longer than a card's id may be."""
    if call_id and len(call_id) <= 64 and call_id.isprintable():
        return call_id
    return hashlib.sha256(call_id.encode(errors="replace")).hexdigest()[:32]


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
