"""Kept outputs and whole diffs in a modal: page by page, searched, downloaded, and only for whom they are meant."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeai_bot.domain.approval import Approvals, Preview, approvals_to_json
from kubeai_bot.domain.event import Output, TurnEnded
from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.storage import KeptResult
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.workspace.validation import check_view
from kubeai_bot.slack.approval_cards import FULL_DIFF
from kubeai_bot.slack.closing import closing_blocks
from kubeai_bot.slack.outputs import DECIDED, GONE, NOT_SHARED, NOT_YOURS, SHARED, TRY_AGAIN
from kubeai_bot.slack.paging import (
    DOWNLOAD,
    NEXT,
    PAGE_CHARACTERS,
    PREVIOUS,
    SEARCH_INPUT,
    Looking,
    page_view,
    refusal_view,
    text_pages,
)
from tests.slack.approvals import approval, words
from tests.slack.program import AT, REFUSAL, Program, text_of, whispers
from tests.slack.scene import TURN
from tests.slack.texts import ACTIVE, TEXTS

LINES = [f"{number:05d} pod-{number} Running <!channel>" for number in range(1_000)]
LOOKING = Looking("output", "C0ONCALL", "1.2", "r1")

LONG = st.builds(str.__mul__, TEXTS, st.integers(0, 90))

# --- pages, without Slack ---


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.one_of(TEXTS, st.builds(str.__mul__, TEXTS, st.integers(0, 90))), max_size=6),
    st.integers(-2, 9),
    TEXTS,
    TEXTS,
)
def test_any_text_makes_views_that_slack_takes(parts: list[str], page: int, title: str, query: str) -> None:
    looking = replace(LOOKING, page=page, query=query[:100])
    view = page_view(looking, title, "\n".join(parts), title)
    assert check_view(view) == []
    assert len(json.dumps(view)) < 250_000
    assert not ACTIVE.search(view["blocks"][0]["text"]["text"])
    assert check_view(refusal_view(looking, title)) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=4_000), max_size=30))
def test_no_line_is_lost_between_pages(lines: list[str]) -> None:
    pages = text_pages(lines)
    assert all(len(page) <= PAGE_CHARACTERS for page in pages)
    assert "".join(pages).replace("\n", "") == "".join(lines)


def test_a_search_shows_the_lines_with_their_numbers() -> None:
    view = page_view(replace(LOOKING, query="POD-77"), "Pods", "\n".join(LINES))
    said = words(view)
    assert "    78  00077 pod-77 Running" in said
    assert "   771  00770 pod-770 Running" in said
    assert "pod-78 " not in said
    assert "1,000 lines, 11 with “POD-77”" in said


def test_what_was_looked_at_survives_its_way_through_slack() -> None:
    looking = Looking("diff", "D0MIA", "1.2", "a-1", 3, "x")
    assert Looking.from_metadata(looking.to_metadata()) == looking
    assert Looking.from_metadata("nonsense") is None


# --- in Slack ---


def seen_by(user: str, *groups: str) -> Identity:
    return Identity(Speaker("T0SHOP", user), "mapping", KubeUser("mia@shop.example", groups), AT)


async def answer(workspace: Workspace, program: Program, *, diff: str = "") -> SimMessage:
    workspace.bot_events = frozenset()
    ts = await workspace.say("U0MIA", "list all pods", channel="C0ONCALL")
    session = program.add(ts, channel="C0ONCALL")
    waits = approval(preview=Preview(("x",), diff, "d"))
    program.sessions[-1] = replace(session, approval=approvals_to_json(Approvals((waits,) if diff else ())))
    program.results[session.id, "r1"] = KeptResult(
        "r1", "List pods in shop", "\n".join(LINES), seen_by("U0MIA", "shop-developers"), AT
    )
    message = SimMessage("C0ONCALL", workspace._state.mint_ts(), "U0KUBEAI", "Many.", bot_id="B0KUBEAI", thread_ts=ts)
    end = TurnEnded("answered", "", approvals=(waits,) if diff else (), outputs=(Output("r1", "Pods", 9),))
    message.blocks = closing_blocks(end, TURN)
    workspace._state.messages.append(message)
    return message


async def modal(workspace: Workspace, words_in_it: str, user: str = "U0MIA") -> str:
    def shown(workspace: Workspace) -> str:
        said = words(workspace.modal(user).view) if workspace._state.modals.get(user) else ""
        return said if words_in_it in said else ""

    return await workspace.wait_for(shown, what=f"a modal with {words_in_it!r}")


async def turn(workspace: Workspace, action_id: str, user: str = "U0MIA", **how: Any) -> None:
    assert (await workspace.click(user, action_id, view=workspace.modal(user), **how)).acked


async def test_an_output_is_read_page_by_page_and_searched(surfaced: Workspace, program: Program) -> None:
    message = await answer(surfaced, program)
    assert (await surfaced.click("U0MIA", "output:0", message=message)).acked
    first = await modal(surfaced, "Page 1 of 4")
    assert "List pods in shop" in first
    assert LINES[0] in first
    await turn(surfaced, NEXT)
    second = await modal(surfaced, "Page 2 of 4")
    assert LINES[0] not in second
    await turn(surfaced, PREVIOUS)
    assert await modal(surfaced, "Page 1 of 4") == first
    await surfaced.submit("U0MIA", {SEARCH_INPUT: "pod-999"})
    assert "  1000  00999 pod-999" in await modal(surfaced, "1 with “pod-999”")
    await surfaced.submit("U0MIA", {SEARCH_INPUT: "nowhere"})
    assert "(nothing)" in await modal(surfaced, "0 with “nowhere”")
    program.refused.add("U0MIA")
    await surfaced.submit("U0MIA", {SEARCH_INPUT: ""})
    assert "pod-" not in await modal(surfaced, REFUSAL)


async def test_an_output_is_downloaded_into_the_direct_messages_of_who_asked(
    surfaced: Workspace, program: Program
) -> None:
    await surfaced.click("U0MIA", "output:0", message=await answer(surfaced, program))
    await modal(surfaced, "Page 1 of 4")
    await turn(surfaced, DOWNLOAD)
    await modal(surfaced, SHARED)
    (file,) = surfaced._state.files.values()
    assert file.shared_in == ["D0MIA"]
    assert file.content.decode() == "\n".join(LINES)
    assert file.name == "output-r1.txt"


async def test_a_file_that_slack_does_not_take_is_admitted(surfaced: Workspace, program: Program) -> None:
    await surfaced.click("U0MIA", "output:0", message=await answer(surfaced, program))
    await modal(surfaced, "Page 1 of 4")
    surfaced.fault("files.getUploadURLExternal", error="file_uploads_disabled")
    await turn(surfaced, DOWNLOAD)
    await modal(surfaced, NOT_SHARED)


@pytest.mark.parametrize(("user", "said"), [("U0OMAR", NOT_YOURS), ("U0GIL", REFUSAL)])
async def test_others_see_nothing_of_an_output(surfaced: Workspace, program: Program, user: str, said: str) -> None:
    message = await answer(surfaced, program)
    surfaced._state.channels["C0ONCALL"].members.add(user)
    assert (await surfaced.click(user, "output:0", message=message)).acked
    (whisper,) = await whispers(surfaced, user)
    assert text_of(whisper) == said
    assert not surfaced.calls_of("views.open")


async def test_who_has_other_rights_by_now_sees_no_more_pages(surfaced: Workspace, program: Program) -> None:
    message = await answer(surfaced, program)
    await surfaced.click("U0MIA", "output:0", message=message)
    await modal(surfaced, "Page 1 of 4")
    key = (program.sessions[0].id, "r1")
    program.results[key] = replace(program.results[key], identity=seen_by("U0MIA", "shop-admins"))
    await turn(surfaced, NEXT)
    assert "pod-" not in await modal(surfaced, NOT_YOURS)
    await surfaced.click("U0MIA", "output:0", message=message)
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert text_of(whisper) == NOT_YOURS
    assert not surfaced._state.files


async def test_a_download_asks_again_who_may_see_it(surfaced: Workspace, program: Program) -> None:
    await surfaced.click("U0MIA", "output:0", message=await answer(surfaced, program))
    await modal(surfaced, "Page 1 of 4")
    program.refused.add("U0MIA")
    await turn(surfaced, DOWNLOAD)
    await modal(surfaced, REFUSAL)
    assert not surfaced._state.files


@pytest.mark.parametrize(("fault", "said"), [("forgotten", GONE), ("no result", GONE), ("away", TRY_AGAIN)])
async def test_what_cannot_be_shown_is_said(surfaced: Workspace, program: Program, fault: str, said: str) -> None:
    message = await answer(surfaced, program)
    if fault == "forgotten":
        program.sessions.clear()
    program.results.clear()
    program.away = fault == "away"
    await surfaced.click("U0MIA", "output:0", message=message)
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert text_of(whisper) == said


async def test_the_whole_diff_is_read_page_by_page_by_whoever_decides(surfaced: Workspace, program: Program) -> None:
    diff = "\n".join(f"+ line {number:05d}\u202e" for number in range(1_500))
    message = await answer(surfaced, program, diff=diff)
    assert (await surfaced.click("U0OMAR", FULL_DIFF, message=message)).acked
    first = await modal(surfaced, "Page 1 of 4", "U0OMAR")
    assert "+ line 00000\\u202e" in first
    await turn(surfaced, NEXT, "U0OMAR")
    await modal(surfaced, "Page 2 of 4", "U0OMAR")
    program.sessions[0] = replace(program.sessions[0], approval={})
    await turn(surfaced, NEXT, "U0OMAR")
    await modal(surfaced, DECIDED, "U0OMAR")


async def test_a_stranger_reads_no_diff(surfaced: Workspace, program: Program) -> None:
    message = await answer(surfaced, program, diff="+ a")
    surfaced._state.channels["C0ONCALL"].members.add("U0GIL")
    await surfaced.click("U0GIL", FULL_DIFF, message=message)
    (whisper,) = await whispers(surfaced, "U0GIL")
    assert text_of(whisper) == REFUSAL
