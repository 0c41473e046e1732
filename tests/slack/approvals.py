"""Approvals as the core puts them up, and what their cards show."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from kubeai_bot.domain.approval import Approval, Preview
from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Act, Ask
from kubeai_bot.playground.workspace.messages import SimMessage
from tests.slack.program import AT

MIA = Speaker("T0SHOP", "U0MIA")
PATCH = Act("demo", "patch", "apps", "deployments", namespace="shop", name="web")
DIFF = "--- Deployment shop/web\n+++ Deployment shop/web\n-  replicas: 2\n+  replicas: 5"


def approval(id_: str = "a-0001", **changes: Any) -> Approval:
    whole = Approval(
        id=id_,
        call=ToolCall("call-1", "scale", {"replicas": 5}),
        requester=MIA,
        who="mia@shop.example (shop-developers)",
        cluster="demo",
        intent="Scale Deployment shop/web to 5",
        acts=(replace(PATCH, verb="get"), PATCH),
        preview=Preview(("Deployment shop/web",), DIFF, "d1"),
        ask=Ask(),
        asked_at=AT,
        expires_at=AT + timedelta(hours=1),
    )
    return replace(whole, **changes)


def strings(value: Any) -> list[str]:
    """Every text in blocks."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [text for part in parts for text in strings(part)]


def words(blocks: Any) -> str:
    """What blocks say, without caring how."""
    if isinstance(blocks, list | tuple):
        return "".join(words(block) for block in blocks)
    if isinstance(blocks, dict):
        if blocks.get("type") == "user":
            return f"@{blocks['user_id']}"
        own = blocks.get("text")
        said = own if isinstance(own, str) else words(own)
        inside = "".join(words(blocks.get(key)) for key in ("elements", "fields", "blocks"))
        return f"{said}{inside}" + ("\n" if "block_id" in blocks or blocks.get("type") == "button" else "")
    return ""


def block_ids(message: SimMessage) -> list[str]:
    return [str(block.get("block_id")) for block in message.all_blocks()]


def buttons(message: SimMessage) -> dict[str, str]:
    """Action id to value of all buttons."""
    blocks = [block for block in message.all_blocks() if block["type"] == "actions"]
    return {element["action_id"]: element.get("value", "") for block in blocks for element in block["elements"]}
