"""The demo model: no AI, but rules that call the tools they are offered and repeat what these show."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeai_bot.playground.model import changing, diagnosing, inquiries, operations
from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.outcome import report_change
from kubeai_bot.playground.model.question import DECISION, Asked, Intent, understand
from kubeai_bot.playground.model.replies import Reply, Say
from kubeai_bot.playground.model.server import ModelServer
from kubeai_bot.playground.model.steps import Rule, play
from kubeai_bot.playground.model.wire import Body

DEMO_MODEL = "kubeai-demo"
LABEL = "_Demo model: fixed rules instead of an AI. What it says comes from the tools' results._"

_RULES: Mapping[Intent, Callable[[Asked, Conversation], Rule]] = {
    "unhealthy": diagnosing.find_unhealthy,
    "why": diagnosing.explain_one,
    "logs": inquiries.show_logs,
    "list": inquiries.list_things,
    "scale": changing.make_change,
    "change": changing.make_change,
    "rights": inquiries.tell_rights,
    "top": inquiries.show_usage,
    "rollout": inquiries.follow_rollout,
    "clusters": inquiries.list_clusters,
    "help": inquiries.offer_help,
    "runbook": operations.find_runbook,
    "incidents": operations.list_incidents,
    "acknowledge": operations.acknowledge_incident,
}


def reply_to(body: Body) -> Reply:
    """The next words or calls of the demo model. Pure: the same request gets the same reply."""
    conversation = Conversation.from_request(body)
    asked = understand(text for exchange in conversation.exchanges for text in exchange.questions)
    decided = DECISION.match(conversation.question)
    rule = report_change(conversation) if decided else _RULES[asked.intent](asked, conversation)
    reply = play(rule, conversation)
    if isinstance(reply, Say) and not any(exchange.answer for exchange in conversation.earlier):
        return Say(f"{LABEL}\n\n{reply.text}")
    return reply


class DemoModel(ModelServer):
    """The demo model behind an OpenAI-compatible endpoint on 127.0.0.1: model `kubeai-demo`, any key.

        async with DemoModel(pace=0.01) as model:
            provider = await connect_openai(model.model, base_url=model.base_url)

    `pace` is the pause between two words in seconds. `requests` records the bodies of the requests.
    """

    def __init__(self, *, pace: float = 0.0, port: int = 0) -> None:
        super().__init__(reply_to, DEMO_MODEL, pace=pace, port=port)
