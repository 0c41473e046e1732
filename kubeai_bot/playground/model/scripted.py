"""A model that says what a test tells it to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.replies import Fail, Reply
from kubeai_bot.playground.model.server import ModelServer
from kubeai_bot.playground.model.wire import Body


class ScriptedModel(ModelServer):
    """Plays a script behind an OpenAI-compatible endpoint.

        async with ScriptedModel([Call("list_resources", {"kind": "pods"}), Say("All fine.")]) as model:
            provider = await connect_openai("scripted", base_url=model.base_url)

    The script is a list of replies, one a request in the order of arrival, or a function from the conversation to a
    reply. When the list is used up, requests are refused (400) and counted in `unexpected`. See `replies` for what can
    be said, `ModelServer` for `requests` and `hung_up`.
    """

    def __init__(
        self, script: Iterable[Reply] | Callable[[Conversation], Reply], *, model: str = "scripted", pace: float = 0.0
    ) -> None:
        super().__init__(self._reply, model, pace=pace)
        self.unexpected = 0
        self._react = script if callable(script) else None
        self._left = deque[Reply]() if callable(script) else deque(script)

    @property
    def left(self) -> int:
        """Replies of the list that have not been played."""
        return len(self._left)

    def _reply(self, body: Body) -> Reply:
        if self._react is not None:
            return self._react(Conversation.from_request(body))
        if not self._left:
            self.unexpected += 1
            return Fail(400, "the script has no reply left for this request", "script_is_over")
        return self._left.popleft()
