"""Does in the workspace what a person does on the page."""

from __future__ import annotations

import base64
import binascii
from typing import cast

from kubeai_bot.playground.page import verbs
from kubeai_bot.playground.page.verbs import LARGEST_UPLOAD, Personal
from kubeai_bot.playground.workspace.forms import Answer
from kubeai_bot.playground.workspace.journal import Delivery
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.workspace.state import SimView
from kubeai_bot.playground.workspace.wire import Json

NOT_ACKED = "kubeai did not answer in time: Slack shows this as a failed click or command."


class Actions:
    """Every error is a LookupError, PermissionError or ValueError whose text a person can read."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def do(self, verb: Personal) -> Json:
        """What the answer to the page says besides `ok`."""
        if verb.who not in self._workspace.people:
            raise LookupError(f"There is no person {verb.who}.")
        match verb:
            case verbs.Click() | verbs.Submit() | verbs.Close() | verbs.Command() | verbs.Shortcut():
                delivery = await self._interact(verb)
                if delivery is not None and not delivery.acked:
                    raise ValueError(NOT_ACKED)
                return {}
            case verbs.Say() | verbs.Upload():
                return {"ts": await self._talk(verb)}
            case verbs.Stop(who=who, channel=channel, thread_ts=thread_ts):
                self._check_reads(who, channel)
                return {"stopped": await self._workspace.stop(who, channel, thread_ts)}
            case verbs.OpenHome(who=who):
                await self._workspace.open_home(who)
            case verbs.OpenMessages(who=who):
                await self._workspace.open_home(who, tab="messages")
            case _:
                await self._change(verb)
        return {}

    async def _talk(self, verb: verbs.Say | verbs.Upload) -> str:
        self._check_writes(verb.who, verb.channel)
        where, thread = verb.channel, verb.thread_ts
        if isinstance(verb, verbs.Say):
            return await self._workspace.say(verb.who, verb.text, channel=where, thread_ts=thread)
        content = _decoded(verb.content_base64)
        return await self._workspace.share_file(
            verb.who, verb.name, content, text=verb.text, channel=where, thread_ts=thread
        )

    async def _change(self, verb: Personal) -> None:
        match verb:
            case verbs.Edit(who=who, channel=channel, ts=ts, text=text):
                self._workspace.seen_message(who, channel, ts)
                await self._workspace.edit(who, channel, ts, text)
            case verbs.Delete(who=who, channel=channel, ts=ts):
                self._workspace.seen_message(who, channel, ts)
                await self._workspace.delete(who, channel, ts)
            case verbs.React(who=who, channel=channel, ts=ts, name=name):
                message = self._workspace.seen_message(who, channel, ts)
                there = who in message.reactions.get(name, ())
                await (self._workspace.unreact if there else self._workspace.react)(who, channel, ts, name)
            case _:
                raise LookupError(f"There is no verb for {type(verb).__name__}.")

    async def _interact(self, verb: Personal) -> Delivery | None:
        match verb:
            case verbs.Click():
                return await self._click(verb)
            case verbs.Submit(who=who, view_id=view_id, values=values):
                view = self._modal(who, view_id)
                answers = {block: {key: _answer(given) for key, given in of.items()} for block, of in values.items()}
                return await self._workspace.submit_blocks(who, answers, view)
            case verbs.Close(who=who, view_id=view_id):
                return await self._workspace.close(who, self._modal(who, view_id))
            case verbs.Command(who=who, channel=channel, command=command, text=text):
                self._check_writes(who, channel)
                return await self._workspace.command(who, command, text, channel=channel)
            case verbs.Shortcut(who=who, callback_id=callback_id, channel=channel, ts=ts):
                message = self._workspace.seen_message(who, channel, ts) if channel and ts else None
                return await self._workspace.shortcut(who, callback_id, message=message)
            case _:
                raise LookupError(f"There is no verb for {type(verb).__name__}.")

    async def _click(self, verb: verbs.Click) -> Delivery:
        message = view = None
        if verb.view_id is not None:
            view = self._workspace.view(verb.who, verb.view_id)
        elif verb.channel is not None and verb.ts is not None:
            message = self._workspace.seen_message(verb.who, verb.channel, verb.ts)
        else:
            raise ValueError("A click is in a message (channel and ts) or in a view (view_id).")
        return await self._workspace.click(
            verb.who,
            verb.action_id,
            message=message,
            view=view,
            choose=_answer(verb.choose),
            block_id=verb.block_id,
        )

    def _modal(self, who: str, view_id: str) -> SimView:
        view = self._workspace.view(who, view_id)
        if view not in self._workspace.modals(who):
            raise LookupError("This is no open modal.")
        return view

    def _check_reads(self, who: str, channel: str) -> None:
        if channel not in self._workspace.channels or not self._workspace.can_read(who, channel):
            raise LookupError(f"{self._workspace.people[who].name} sees no conversation {channel}.")

    def _check_writes(self, who: str, channel: str) -> None:
        """People of other organisations join a channel by speaking there, as if they had been invited."""
        if channel not in self._workspace.channels:
            raise LookupError(f"There is no conversation {channel}.")
        if self._workspace.channels[channel].is_im:
            self._check_reads(who, channel)


def _answer(given: verbs.Answer) -> Answer:
    """A date and time comes as a number of seconds, which the workspace passes on as it is."""
    return cast("Answer", given)


def _decoded(text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("content_base64 is no base64.") from None
    if len(content) > LARGEST_UPLOAD:
        raise ValueError("A file may have 1 MB at most here.")
    return content
