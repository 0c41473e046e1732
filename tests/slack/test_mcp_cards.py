"""Cards of calls through an MCP server, and the dialogs that the buttons of every card ask with."""

from typing import Any

from kubeai_bot.domain.approval import Approval, Preview
from kubeai_bot.domain.policy import Act
from kubeai_bot.playground.workspace.validation import check_message_blocks
from kubeai_bot.slack.approval_cards import APPROVE, GRANT, approval_blocks
from tests.slack.approvals import DIFF, approval, words


def dialog(card: Approval, action_id: str) -> Any:
    buttons = approval_blocks([card])[-1]["elements"]
    return next(each["confirm"] for each in buttons if each["action_id"] == action_id)


def test_a_call_of_an_mcp_tool_names_its_server_and_tool_and_no_place_in_a_cluster() -> None:
    act = Act("", "call", "mcp", "runbooks", name="acknowledge_incident")
    preview = Preview(("MCP server runbooks: acknowledge_incident",), '+ {"id": "INC-1"}', "d", "high")
    card = approval(cluster="", intent="runbooks: acknowledge_incident", acts=(act,), preview=preview)
    blocks = approval_blocks([card])
    assert check_message_blocks(blocks) == []
    said = words(blocks)
    assert "MCP server: runbooks\nTool: acknowledge_incident\nAsked for by: @U0MIA" in said
    for unknown in ("Cluster:", "Namespace:", "Objects:"):
        assert unknown not in said
    assert "of high risk through runbooks: " in dialog(card, APPROVE)["text"]["text"]
    assert GRANT not in str(blocks)


def test_dialogs_of_a_card_hold_no_marks_that_plain_text_would_show() -> None:
    risky = approval(preview=Preview(("Namespace shop",), DIFF, "d", "high"))
    for action_id in (APPROVE, GRANT):
        asked = dialog(risky, action_id)["text"]
        assert asked["type"] == "plain_text"
        assert not set("`*_") & set(asked["text"])
