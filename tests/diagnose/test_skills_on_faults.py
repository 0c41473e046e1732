"""Each shipped skill on a fault of its kind: the symptom suggests it, its text names the tools and the words that the
cluster then shows."""

import re

import pytest

from kubeai_bot.domain.policy import Mode
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools
from kubeai_bot.tools.skills.shelf import Shelf
from tests.diagnose.asking import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")

# skill: a fault of its kind, how a person asks about it, and the words that the skill tells to look for
FAULTS = {
    "crash-loop": ("bad-config-change", "why is {name} in CrashLoopBackOff?", ("CrashLoopBackOff", "last")),
    "image-pull": ("bad-image-tag", "{name}: ImagePullBackOff, why?", ("not found",)),
    "out-of-memory": ("out-of-memory", "{name} was OOMKilled", ("OOMKilled", "137")),
    "pending-pods": ("too-much-cpu", "{name} stays Pending", ("Insufficient cpu",)),
    "dns": ("dns-fails", "{name} logs no such host", ("no such host",)),
    "probe-failing": ("wrong-probe-port", "the readiness probe of {name} fails", ("connection refused",)),
    "rollout-stuck": ("rollout-stuck", "the rollout of {name} is stuck", ("ProgressDeadlineExceeded",)),
    "storage-claims": ("claim-without-class", "the PVC of {name} does not bind", ("storage class",)),
    "rbac-forbidden": ("rbac-in-logs", "{name} says forbidden in its log", ("system:serviceaccount",)),
    "node-pressure": ("disk-pressure", "pods of {name} were evicted", ("evicted",)),
}


async def test_no_shipped_skill_is_left_out() -> None:
    assert {skill.name for skill in (await Shelf(None).look()).skills} == set(FAULTS)


@pytest.mark.parametrize("skill", FAULTS)
async def test_a_skill_leads_from_the_symptom_to_the_evidence(clinic, skill: str) -> None:
    fault, question, words = FAULTS[skill]
    skills = await Shelf(None).look()
    case = clinic.cases[fault]
    _, name = case.looked_at[0]
    assert skill in [each.name for each in skills.suggested(question.format(name=name))]
    body = skills.named(skill).body
    tools = KubernetesTools({"demo": clinic.cluster}, "demo", Mode.ALLOW)
    offered = {spec.name for spec in tools.specs(ROOT)}
    named = {word for word in re.findall(r"`([a-z_]+)`", body) if "_" in word or word in ("diagnose", "top", "drain")}
    assert named
    assert named <= offered
    found = await clinic.measure(fault)
    assert not found.missing, found.text
    for word in words:
        assert word.lower() in body.lower(), f"the skill does not tell to look for {word!r}"
        assert word.lower() in found.text.lower(), found.text
