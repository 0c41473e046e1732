"""What a diagnosis may ask for, what it does without rights or in a cluster that is slow, and what it never reads."""

import asyncio

import pytest

from kubeai_bot.domain.cluster import Request, Response
from kubeai_bot.domain.policy import Rule
from kubeai_bot.errors import ApiStatus, ToolError, Unreachable
from kubeai_bot.tools.kubernetes.diagnose.kinds import SERVICES
from kubeai_bot.tools.kubernetes.diagnose.reading import Gap, Reading
from kubeai_bot.tools.kubernetes.known import PODS
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from tests.diagnose.asking import MIA, OMAR, ROOT, PolicyRefused, ask
from tests.diagnose.stage import WELL

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_namespace_is_diagnosed_by_its_unhealthy_things(clinic):
    told = await ask(clinic.cluster, OMAR, "diagnose", namespace="shop")
    assert told.content.startswith("Namespace shop: ")
    assert " pods ready." in told.content.splitlines()[0]
    for words in ("killed for memory: limit 96Mi", "'PAYMENTS_URL' is not set", "readiness probe fails", "total_minor"):
        assert words in told.content
    assert not any(" frontend" in line for line in told.content.splitlines()[1:])
    assert told.requests <= 40


async def test_a_healthy_workload_is_said_to_be_well_with_what_was_read(clinic):
    told = await ask(clinic.cluster, ROOT, "diagnose", namespace=WELL, name=WELL)
    found = next(line for line in told.content.splitlines() if line.startswith("Nothing wrong found"))
    assert "2 pods" in found
    assert f"log lines of {WELL}-" in told.content
    assert "Not looked at: Secrets" in told.content


async def test_what_the_asker_may_not_read_is_named(clinic):
    case = clinic.cases["demo: oom"]
    told = await ask(clinic.cluster, MIA, "diagnose", namespace="shop", kind="pod", name=case.pod)
    assert "OOMKilled" in told.content
    forbidden = next(line for line in told.content.splitlines() if line.startswith("Forbidden to the asker (403)"))
    assert "nodes" in forbidden
    assert "(owned by ReplicaSet/recommendations-" in told.content.splitlines()[0]


async def test_somebody_without_any_right_gets_the_refusal(clinic):
    with pytest.raises(ApiStatus) as refused:
        await ask(clinic.cluster, MIA, "diagnose", namespace="payments", name="fraud-check")
    assert refused.value.code == 403
    told = await ask(clinic.cluster, MIA, "diagnose", namespace="payments")
    assert "Nothing can be said about its health: the pods could not be read." in told.content
    assert "Nothing wrong found" not in told.content
    assert told.summary == "the pods could not be read"
    assert "pods" in next(line for line in told.content.splitlines() if line.startswith("Forbidden to the asker"))


async def test_an_unknown_name_is_answered_with_names_like_it(clinic):
    with pytest.raises(ToolError, match=r"Similar: checkout"):
        await ask(clinic.cluster, OMAR, "diagnose", namespace="shop", name="chekout")


async def test_secrets_are_never_asked_for_and_no_value_of_a_config_map_is_shown(clinic):
    before = len(clinic.demo.requests)
    texts = [
        (await ask(clinic.cluster, ROOT, "diagnose", namespace=space, detail="full")).content
        for space in ("shop", "payments", "missing-secret", "private-registry", "dns-fails")
    ]
    sent = clinic.demo.requests[before:]
    assert len(sent) > 100
    assert not [request.path for request in sent if "secrets" in request.path]
    assert {request.verb for request in sent} == {"get", "list"}
    assert not [text for text in texts if "http://payments-api.payments.svc" in text]


async def test_policy_that_closes_another_namespace_leaves_the_narrow_diagnosis(clinic):
    closed = (Rule("system is closed", namespaces=("kube-system",), never=True),)
    arguments = {"namespace": "shop", "name": "checkout"}
    with pytest.raises(PolicyRefused, match="system is closed"):
        await ask(clinic.cluster, OMAR, "diagnose", closed, **arguments)
    told = await ask(clinic.cluster, OMAR, "diagnose", closed, wider=False, **arguments)
    assert "PAYMENTS_URL" in told.content


async def test_short_is_shorter_and_full_is_longer(clinic):
    sizes = [
        len((await ask(clinic.cluster, OMAR, "diagnose", namespace="shop", detail=detail)).content)
        for detail in ("short", "normal", "full")
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < 400 * 3.5 + 300
    assert sizes[0] < sizes[2]


async def test_a_claim_held_by_a_finalizer_is_found_by_its_own_name(clinic):
    """An object so small that its whole text is not much longer than the finding."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "old-data", "namespace": "default", "uid": "c-1", "creationTimestamp": "2026-01-01T00:00:00Z",
            "deletionTimestamp": "2026-01-02T00:00:00Z", "finalizers": ["backup.shop.example/snapshot"],
        },
        "spec": {"accessModes": ["ReadWriteOnce"]},
        "status": {"phase": "Bound"},
    }  # fmt: skip
    clinic.demo.state.store.create(("", "persistentvolumeclaims"), claim)
    told = await ask(clinic.cluster, ROOT, "diagnose", namespace="default", kind="pvc", name="old-data")
    assert "held by finalizer backup.shop.example/snapshot" in told.content.splitlines()[1]


class Stubborn:
    """A cluster that answers every request in its own way."""

    name = "demo"

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0

    async def request(self, identity, request: Request) -> Response:
        self.asked += 1
        found = self.answer(request)
        if isinstance(found, Exception):
            raise found
        if found is None:
            await asyncio.Event().wait()
        return Response(200, found, "")


def reading(answer, **bounds) -> tuple[Reading, Stubborn]:
    cluster = Stubborn(answer)
    acts = tuple(Ref(resource, "shop").act("demo", "list") for resource in (PODS, SERVICES))
    return Reading(Reach(cluster, ROOT.on("demo"), acts), **bounds), cluster  # type: ignore[arg-type]


async def test_no_more_requests_are_sent_than_allowed():
    looking, cluster = reading(lambda _: {"items": []}, requests=2)
    found = [await looking.list(Ref(PODS, "shop")) for _ in range(4)]
    assert found == [(), (), None, None]
    assert cluster.asked == 2
    assert looking.gaps == [Gap("list pods", "out of bounds")] * 2


async def test_a_cluster_that_does_not_answer_costs_no_more_than_the_time_allowed():
    looking, _ = reading(lambda _: None, seconds=0.05)
    async with asyncio.timeout(5):
        found = await asyncio.gather(looking.list(Ref(PODS, "shop")), looking.list(Ref(SERVICES, "shop")))
    assert found == [None, None]
    assert {gap.why for gap in looking.gaps} == {"out of bounds"}


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ApiStatus(403, "Forbidden", "no"), "forbidden"),
        (ApiStatus(404, "NotFound", "no"), "not served"),
        (ApiStatus(500, "InternalError", "etcd is away"), "HTTP 500 etcd is away"),
        (Unreachable("cluster demo cannot be reached"), "cluster demo cannot be reached"),
    ],
)
async def test_a_failed_read_leaves_a_gap_with_its_reason(error, why):
    looking, _ = reading(lambda _: error)
    assert await looking.list(Ref(PODS, "shop")) is None
    assert looking.gaps == [Gap("list pods", why)]


async def test_a_list_that_goes_on_proves_no_absence():
    looking, _ = reading(lambda _: {"items": [{}] * 500, "metadata": {"continue": "more"}})
    assert len(await looking.list(Ref(PODS, "shop")) or ()) == 500
    assert PODS in looking.cut
    assert looking.gaps == [Gap("pods beyond the first 500", "cut")]
