"""What the Home tab calls a session that began with the message shortcut."""

import pytest

from kubeai_bot.playground.model.replies import Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import WorldOptions
from tests.scenario.stories import MIA, OMAR, ONCALL, story

pytestmark = pytest.mark.timeout(60)


async def test_an_investigation_is_called_after_its_message() -> None:
    async with story(WorldOptions(model=ScriptedModel([Say("It is the image.")]))) as it:
        workspace = it.world.workspace
        assert workspace is not None
        ts = await workspace.say(OMAR, "FIRING: checkout is crash-looping in shop since the release", channel=ONCALL)
        assert (await workspace.shortcut(MIA, "investigate_message", message=workspace.messages(ONCALL, ts)[0])).acked
        await it.answers(ONCALL, ts)
        await workspace.open_home(MIA)
        view = await workspace.wait_for(lambda w: w.home(MIA), what="the home tab")
        assert 'Investigate "FIRING: checkout is crash-looping in shop' in str(view.view["blocks"])
