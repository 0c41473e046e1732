"""What a cluster serves: aggregated, group by group, cached, and with a group that is broken."""

import asyncio

import pytest
from aiohttp import web

from kubeai_bot.domain.cluster import Resource, Response
from kubeai_bot.errors import ApiStatus
from kubeai_bot.kube.discovery import Discovery

CORE = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {},
            "versions": [
                {
                    "version": "v1",
                    "freshness": "Current",
                    "resources": [
                        {
                            "resource": "pods",
                            "responseKind": {"group": "", "version": "v1", "kind": "Pod"},
                            "scope": "Namespaced",
                            "singularResource": "pod",
                            "verbs": ["get", "list"],
                            "shortNames": ["po"],
                            "categories": ["all"],
                            "subresources": [
                                {"subresource": "log", "verbs": ["get"]},
                                {"subresource": "status", "verbs": []},
                            ],
                        }
                    ],
                }
            ],
        }
    ],
}
GROUPS = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {"name": "autoscaling"},
            "versions": [
                {
                    "version": v,
                    "resources": [
                        {"resource": "hpas", "responseKind": {"kind": "HPA"}, "scope": "Cluster", "verbs": []}
                    ],
                }
                for v in ("v2", "v1")
            ],
        },
        {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1", "freshness": "Stale"}]},
    ],
}
PODS = Resource(
    "", "v1", "pods", "Pod", True, frozenset({"get", "list"}), "pod", ("po",), ("all",), frozenset({"log", "status"})
)  # fmt: skip


async def aggregated(request):
    return web.json_response(CORE if request.path == "/api" else GROUPS)


async def legacy(request):
    def group(name, *versions):
        served = [{"groupVersion": f"{name}/{v}", "version": v} for v in versions]
        return {"name": name, "versions": served, "preferredVersion": served[-1]}

    documents = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": [group("apps", "v1beta1", "v1"), group("broken.example", "v1")]},
        "/api/v1": {
            "kind": "APIResourceList",
            "resources": [
                {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list"],
                 "shortNames": ["po"], "categories": ["all"]},
                {"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]},
                {"name": "pods/status", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]},
            ],
        },
        "/apis/apps/v1": {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]},
        "/apis/apps/v1beta1": {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]},
    }  # fmt: skip
    if request.path in documents:
        return web.json_response(documents[request.path])
    return web.Response(status=503, text="service unavailable")


async def test_two_requests_as_the_bot_tell_everything(serve, reach):
    server = await serve(aggregated)
    found = await reach(server.url).resources()
    assert found[0] == PODS
    assert [(r.group, r.version, r.name, r.namespaced) for r in found[1:]] == [
        ("autoscaling", "v2", "hpas", False),
        ("autoscaling", "v1", "hpas", False),
    ]
    assert sorted(path for _, path, _ in server.asked) == ["/api", "/apis"]
    assert all(b"apidiscovery.k8s.io" in server.headers("Accept", of)[0] for of in (0, 1))
    assert all(server.headers("Impersonate-User", of) == [] for of in (0, 1))


async def test_an_older_server_is_asked_group_by_group_and_a_broken_group_is_left_out(serve, reach):
    server = await serve(legacy)
    found = await reach(server.url).resources()
    assert found[0] == PODS
    assert [(r.group, r.version, r.name) for r in found[1:]] == [
        ("apps", "v1", "deployments"),
        ("apps", "v1beta1", "deployments"),
    ]
    assert found[1].singular == "deployment"


async def test_a_server_without_discovery_is_an_error(serve, reach):
    async def refuse(_request):
        return web.Response(status=403, text="no")

    server = await serve(refuse)
    with pytest.raises(ApiStatus, match="HTTP 403"):
        await reach(server.url).resources()


class Served:
    """Counts discovery reads; the clock is the test's."""

    def __init__(self) -> None:
        self.reads = 0
        self.now = 100.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.discovery = Discovery("demo", self.fetch, ttl=60, clock=lambda: self.now)

    async def fetch(self, request):
        self.reads += request.path == "/api"
        await self.gate.wait()
        return Response(200, CORE if request.path == "/api" else GROUPS, "")


async def test_discovery_is_kept_until_it_expires():
    served = Served()
    await served.discovery.resources()
    served.now += 59
    await served.discovery.resources()
    assert served.reads == 1
    served.now += 2
    await served.discovery.resources()
    assert served.reads == 2


async def test_an_eager_caller_gets_a_new_look_at_most_every_ten_seconds():
    served = Served()
    await served.discovery.resources(max_age=0)
    served.now += 9
    await served.discovery.resources(max_age=0)
    assert served.reads == 1
    served.now += 2
    await served.discovery.resources(max_age=0)
    assert served.reads == 2


async def test_many_callers_share_one_refresh():
    served = Served()
    served.gate.clear()
    callers = [asyncio.create_task(served.discovery.resources()) for _ in range(10)]
    await asyncio.sleep(0)
    served.gate.set()
    results = await asyncio.gather(*callers)
    assert served.reads == 1
    assert all(result == results[0] for result in results)
