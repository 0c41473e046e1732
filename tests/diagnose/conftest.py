"""One cluster that stands still, with the shop's own faults and every scenario, and a client for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from kubeai_bot.interfaces import Cluster
from kubeai_bot.kube.config import connect
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import DemoCluster
from tests.diagnose.asking import ROOT
from tests.diagnose.measuring import Measured, measure
from tests.diagnose.scenarios import draw_scenarios
from tests.diagnose.stage import WELL, Case, Stage, demo_cases, new_scene, standing_still


@dataclass
class Clinic:
    demo: DemoCluster
    cluster: Cluster
    cases: dict[str, Case]
    measured: dict[str, Measured] = field(default_factory=dict)

    async def measure(self, name: str) -> Measured:
        """Each case once: it says the same each time."""
        if name not in self.measured:
            self.measured[name] = await measure(self.cluster, ROOT, self.cases[name])
        return self.measured[name]


@pytest.fixture(scope="session")
def drawn() -> tuple[Scenario, list[Case], object]:
    """Drawing takes longest, and a cluster copies what it is given."""
    shop, scene = Scenario.build(), new_scene()
    worker = next(o for o in shop.objects if o["kind"] == "Node" and not o["spec"].get("taints"))
    Stage.draw(scene, WELL, worker)
    return shop, [*demo_cases(shop), *draw_scenarios(scene, worker)], scene


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clinic(drawn, tmp_path_factory) -> AsyncIterator[Clinic]:
    """Nothing moves in it, so tests may share it."""
    shop, cases, scene = drawn
    async with standing_still(shop, scene) as demo:
        path = tmp_path_factory.mktemp("clinic") / "kubeconfig"
        path.write_text(demo.kubeconfig())
        cluster = await connect(kubeconfig=str(path), context=None, impersonate=True)
        yield Clinic(demo, cluster, {case.name: case for case in cases})
        await cluster.aclose()
