"""What people do with what the app shows: click, choose, submit a modal, run a command or a shortcut."""

from __future__ import annotations

from collections.abc import Mapping

from kubeai_bot.playground.workspace import forms
from kubeai_bot.playground.workspace.answers import check_answer
from kubeai_bot.playground.workspace.changes import ViewChanged
from kubeai_bot.playground.workspace.forms import Answer
from kubeai_bot.playground.workspace.journal import Delivery
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.methods import views
from kubeai_bot.playground.workspace.methods.chat import say_back
from kubeai_bot.playground.workspace.parts import Parts
from kubeai_bot.playground.workspace.people import APP_ID, TEAM_DOMAIN, TEAM_ID, Person
from kubeai_bot.playground.workspace.state import SimView
from kubeai_bot.playground.workspace.validation import elements, nested
from kubeai_bot.playground.workspace.wire import Json, Refused


class Interacting(Parts):
    """Every method delivers one interaction, waits for its ack (three seconds, one try) and applies the answer."""

    async def click(
        self,
        user: str,
        action_id: str,
        *,
        message: SimMessage | None = None,
        view: SimView | None = None,
        choose: Answer = None,
        block_id: str | None = None,
    ) -> Delivery:
        """Clicks a button, or chooses in a menu, by its `action_id` (and `block_id`, where several blocks have it).

        In `message` or `view`; otherwise in the newest of either that shows the element to this person. `choose` is
        the value of an option, a date or an id, and `positive` or `negative` for feedback buttons. Raises
        `LookupError` where the person sees no such element.
        """
        person = self._state.people[user]
        if view is None:
            message = message or self._newest_with(user, action_id)
        if message is not None:
            blocks, where = message.all_blocks(), self._in_message(user, message)
        else:
            view = view or self._view_with(user, action_id)
            blocks = view.view["blocks"]
            where = {"container": {"type": "view", "view_id": view.id}, "view": views.to_view(view)}
        block, element = _element(blocks, action_id, user, block_id)
        check_answer(element, choose)
        payload: Json = {
            "type": "block_actions",
            **self._who(person),
            **where,
            "trigger_id": self._state.open_trigger(user, view.id if view else None),
            "state": {"values": forms.values(blocks, {action_id: choose})},
            "actions": [forms.action(block, element, choose, self._state.mint_ts())],
        }
        return await self._interact(payload)

    async def submit(self, user: str, answers: Mapping[str, Answer], view: SimView | None = None) -> Delivery:
        """Submits the topmost modal (or `view`) with `answers` by action id; the app's answer is applied.

        A required input without a value raises `ValueError`, as Slack does not let a person send it.
        """
        shown = view or self.modal(user)
        return await self._submit(user, shown, forms.values(shown.view["blocks"], answers))

    async def submit_blocks(self, user: str, answers: Mapping[str, Mapping[str, Answer]], view: SimView) -> Delivery:
        """As `submit`, with `answers` by block id and action id: two blocks may use the same action id."""
        state: dict[str, dict[str, Json]] = {}
        for block in nested(view.view["blocks"]):
            given = answers.get(block.get("block_id", ""), {})
            for element in elements(block):
                check_answer(element, given.get(element.get("action_id", "")))
            state |= forms.values([block], given)
        return await self._submit(user, view, state)

    async def _submit(self, user: str, shown: SimView, state: dict[str, dict[str, Json]]) -> Delivery:
        _check_required(shown, state)
        payload: Json = {
            "type": "view_submission",
            **self._who(self._state.people[user]),
            "trigger_id": self._state.open_trigger(user, shown.id),
            "view": views.to_view(shown) | {"state": {"values": state}},
            "response_urls": [],
        }
        delivery = await self._interact(payload)
        if delivery.acked:
            self._apply_view_response(shown, delivery.response or {})
        return delivery

    async def close(self, user: str, view: SimView | None = None) -> Delivery | None:
        """Closes the topmost modal; `view_closed` is sent if it asked for it."""
        shown = view or self.modal(user)
        payload: Json = {
            "type": "view_closed",
            **self._who(self._state.people[user]),
            "view": views.to_view(shown),
            "is_cleared": False,
        }
        views.close_modals(self._state, user, [shown.id])
        return await self._interact(payload) if shown.view.get("notify_on_close") else None

    async def command(self, user: str, command: str, text: str = "", *, channel: str | None = None) -> Delivery:
        """Runs a slash command; a text or blocks in the ack appear in the channel."""
        person = self._state.people[user]
        where = self._state.channels[channel or person.dm]
        url = self._state.open_response_url(where.id, user)
        payload: Json = {
            "token": self._state.secrets.verification_token,
            "team_id": TEAM_ID,
            "team_domain": TEAM_DOMAIN,
            "channel_id": where.id,
            "channel_name": where.name,
            "user_id": user,
            "user_name": person.handle,
            "command": command,
            "text": text,
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": url,
            "trigger_id": self._state.open_trigger(user),
        }
        delivery = await self._courier.settle(self._state.deliver("slash_commands", payload))
        if delivery.acked and delivery.response:
            self._say_back(where.id, user, delivery.response)
        return delivery

    async def shortcut(self, user: str, callback_id: str, *, message: SimMessage | None = None) -> Delivery:
        """Runs a global shortcut, or a message shortcut on `message`."""
        payload: Json = {
            "type": "message_action" if message else "shortcut",
            **self._who(self._state.people[user]),
            "callback_id": callback_id,
            "trigger_id": self._state.open_trigger(user),
            "action_ts": self._state.mint_ts(),
        }
        if message is not None:
            channel = self._state.channels[message.channel]
            payload |= {
                "message_ts": message.ts,
                "message": message.to_message(),
                "channel": {"id": channel.id, "name": channel.name},
                "response_url": self._state.open_response_url(channel.id, user, message),
            }
        return await self._interact(payload)

    async def look_up(self, user: str, action_id: str, typed: str, *, view: SimView | None = None) -> Json:
        """Types into an external menu (`block_suggestion`); the options that the app offers."""
        shown = view or self._view_with(user, action_id)
        block, _ = _element(shown.view["blocks"], action_id, user)
        payload: Json = {
            "type": "block_suggestion",
            **self._who(self._state.people[user]),
            "container": {"type": "view", "view_id": shown.id},
            "view": views.to_view(shown),
            "action_id": action_id,
            "block_id": block["block_id"],
            "value": typed,
        }
        return (await self._interact(payload)).response or {}

    def modal(self, user: str) -> SimView:
        """The topmost modal of a person. Raises `LookupError` where none is open."""
        stack = self._state.modals.get(user)
        if not stack:
            raise LookupError(f"{user} has no modal open")
        return self._state.views[stack[-1]]

    def home(self, user: str) -> SimView | None:
        """The home tab that the app published for a person."""
        return self._state.views.get(self._state.homes.get(user, ""))

    async def _interact(self, payload: Json) -> Delivery:
        return await self._courier.settle(self._state.deliver("interactive", payload))

    def _who(self, person: Person) -> Json:
        return {
            "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
            "user": {
                "id": person.id,
                "username": person.handle,
                "name": person.handle,
                "team_id": person.team_id,
            },
            "api_app_id": APP_ID,
            "token": self._state.secrets.verification_token,
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _in_message(self, user: str, message: SimMessage) -> Json:
        channel = self._state.channels[message.channel]
        if user not in channel.members or message.ephemeral_to not in (None, user):
            raise LookupError(f"{user} does not see {message.ts}")
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": message.ephemeral_to is not None,
        }
        if message.thread_ts is not None:
            container["thread_ts"] = message.thread_ts
        return {
            "container": container,
            "channel": {"id": channel.id, "name": channel.name},
            "message": message.to_message(),
            "response_url": self._state.open_response_url(channel.id, user, message),
        }

    def _newest_with(self, user: str, action_id: str) -> SimMessage | None:
        for message in reversed(self._state.messages):
            sees = user in self._state.channels[message.channel].members and message.ephemeral_to in (None, user)
            if sees and not message.deleted and _has(message.all_blocks(), action_id, user):
                return message
        return None

    def _view_with(self, user: str, action_id: str) -> SimView:
        for view in reversed(list(self._state.views.values())):
            if view.user == user and _has(view.view["blocks"], action_id, user):
                return view
        raise LookupError(f"{user} sees nothing with action_id {action_id!r}")

    def _apply_view_response(self, shown: SimView, response: Json) -> None:
        action = response.get("response_action")
        try:
            match action:
                case None:
                    views.close_modals(self._state, shown.user, [shown.id])
                case "errors":
                    shown.errors.clear()
                    shown.errors.update(views.checked_errors(shown, response.get("errors")))
                    self._state.publish(ViewChanged(shown.user, views.to_view(shown)))
                case "clear":
                    views.close_modals(self._state, shown.user, list(self._state.modals[shown.user]))
                case "update":
                    views.replace_view(self._state, shown, views.checked_view(response.get("view") or {}, "modal"))
                case "push":
                    view = views.checked_view(response.get("view") or {}, "modal")
                    views.show_modal(self._state, shown.user, view, on=shown)
                case _:
                    self._state.problem(f"view_submission: unknown response_action {action!r}")
        except Refused as refused:
            self._state.problem(f"view_submission {action}: {refused.error} {'; '.join(refused.messages)}")

    def _say_back(self, channel: str, user: str, response: Json) -> None:
        try:
            say_back(self._state, channel, user, response)
        except Refused as refused:
            self._state.problem(f"ack of a command: {refused.error} {'; '.join(refused.messages)}")


def _visible(element: Json, user: str) -> bool:
    allowed = element.get("visible_to_user_ids")
    return not allowed or user in allowed


def _has(blocks: list[Json], action_id: str, user: str) -> bool:
    return any(
        element.get("action_id") == action_id and _visible(element, user)
        for block in nested(blocks)
        for element in elements(block)
    )


def _element(blocks: list[Json], action_id: str, user: str, block_id: str | None = None) -> tuple[Json, Json]:
    for block in nested(blocks):
        if block_id is not None and block.get("block_id") != block_id:
            continue
        for element in elements(block):
            if element.get("action_id") == action_id and _visible(element, user):
                return block, element
    raise LookupError(f"{user} sees no element with action_id {action_id!r}")


def _check_required(shown: SimView, state: dict[str, dict[str, Json]]) -> None:
    for block in shown.view["blocks"]:
        if block["type"] == "input" and not block.get("optional"):
            for action_id, entry in state.get(block["block_id"], {}).items():
                if forms.is_empty(entry):
                    raise ValueError(f"{action_id} is required")
