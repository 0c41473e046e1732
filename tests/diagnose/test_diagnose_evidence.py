"""Of every fault the diagnosis carries the evidence, ranked, in a fifth of the usual tokens or less."""

import pytest

from kubeai_bot.playground.cluster.apps import FAULT_KINDS
from tests.diagnose.scenarios import SCENARIOS

MOST = 0.20
NAMES = [f"demo: {kind}" for kind in FAULT_KINDS] + [make.__name__.replace("_", "-") for make in SCENARIOS]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", NAMES)
async def test_the_evidence_of_a_fault_is_there_and_small(clinic, name):
    found = await clinic.measure(name)
    assert not found.missing, found.text
    assert found.ratio <= MOST, (found.tokens, found.plain, found.text)
    assert found.tokens <= 1500
    assert found.requests <= 40


FIRST = {
    "bad-image-tag": "cannot pull", "out-of-memory": "killed for memory", "quota-exceeded": "ResourceQuota is used up",
    "claim-without-class": "wants storage class fast-ssd", "throttled-probe": "its liveness probe fails",
    "selector-typo": "selects no pods", "no-such-node": "fits on no node", "dns-fails": "cannot resolve a name",
    "missing-service-account": "its pods are not made", "init-container-fails": "init container wait-for-db",
    "disk-pressure": "Evicted", "autoscaler-blind": "it has no metrics", "rollout-stuck": "fits on no node",
}  # fmt: skip


@pytest.mark.parametrize("name", FIRST)
async def test_the_root_cause_stands_first_and_symptoms_after_it(clinic, name):
    found = await clinic.measure(name)
    assert FIRST[name] in found.text.splitlines()[1], found.text
    assert FIRST[name] in found.summary


async def test_the_demo_has_the_faults_that_are_measured(drawn):
    assert {case.name for case in drawn[1]} == set(NAMES)
