"""Who may do what in the shop."""

from __future__ import annotations

import pytest
from cluster_client import MIA, OMAR, ROOT, SHARED, Requests

from kubeai_bot.playground.cluster.server import DemoCluster

_SECRETS = "/api/v1/namespaces/shop/secrets"


async def test_the_bot_alone_discovers_and_does_nothing_else(shop_bot: Requests) -> None:
    for path in ("/api", "/apis", "/apis/apps/v1", "/version", "/openapi/v3"):
        assert await shop_bot.status(path) == 200, path
    for path in ("/api/v1/pods", "/api/v1/namespaces/shop/pods", "/apis/shop.example/v1/backups", "/metrics"):
        assert await shop_bot.status(path) == 403, path


@pytest.mark.parametrize(
    ("person", "path", "expected"),
    [
        (MIA, "/api/v1/namespaces/shop/pods", 200),
        (MIA, "/apis/shop.example/v1/namespaces/shop/backups", 200),
        (MIA, "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods", 200),
        (MIA, "/api/v1/namespaces/payments/pods", 403),
        (MIA, "/api/v1/pods", 403),
        (MIA, "/api/v1/nodes", 403),
        (MIA, "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings", 403),
        (OMAR, "/api/v1/pods", 200),
        (OMAR, "/api/v1/nodes", 200),
        (OMAR, "/api/v1/namespaces", 200),
        (OMAR, "/apis/metrics.k8s.io/v1beta1/nodes", 200),
        (OMAR, "/api/v1/namespaces/kube-system/pods", 200),
        (OMAR, "/apis/shop.example/v1/backups", 200),
        (SHARED, "/api/v1/pods", 200),
        (SHARED, "/api/v1/nodes", 403),
        (ROOT, "/api/v1/nodes", 200),
    ],
)
async def test_people_read_what_their_groups_may_read(
    shop_bot: Requests, person: tuple[str, str], path: str, expected: int
) -> None:
    assert await shop_bot.acting_as(*person).status(path) == expected


async def test_secrets_are_for_editors_and_administrators(shop_bot: Requests, shop_admin: Requests) -> None:
    """The real role `edit` may read Secrets, so that the bot has something to hold back."""
    for person in (MIA, SHARED):
        assert await shop_bot.acting_as(*person).status(_SECRETS) == 403
    assert await shop_bot.acting_as(*OMAR).status(_SECRETS) == 200
    assert await shop_bot.acting_as(*OMAR).status("/api/v1/namespaces/kube-system/secrets") == 403
    assert await shop_bot.acting_as(*ROOT).status(_SECRETS) == 200
    assert await shop_admin.status(_SECRETS) == 200


@pytest.mark.parametrize(
    ("person", "namespace", "deployment", "expected"),
    [
        (OMAR, "shop", "catalog", 200),
        (OMAR, "payments", "payments-api", 200),
        (OMAR, "kube-system", "coredns", 403),
        (MIA, "shop", "catalog", 403),
        (SHARED, "shop", "catalog", 403),
    ],
)
async def test_only_platform_engineers_scale_and_only_in_their_namespaces(
    shop_bot: Requests, person: tuple[str, str], namespace: str, deployment: str, expected: int
) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}/scale"
    response = await shop_bot.acting_as(*person).send("PATCH", path, {"spec": {"replicas": 3}}, dryRun="All")
    assert response.status_code == expected


@pytest.mark.parametrize("user", ["sam@shop.example", "gil@agency.example", "eve@other.example", "kubernetes-admin"])
async def test_people_nobody_mapped_cannot_be_impersonated(shop_bot: Requests, user: str) -> None:
    response = await shop_bot.acting_as(user).send("GET", "/api/v1/namespaces/shop/pods")
    assert response.status_code == 403
    assert response.json()["message"] == (
        f'users "{user}" is forbidden: User "system:serviceaccount:kubeai:kubeai-bot" cannot impersonate resource '
        '"users" in API group "" at the cluster scope'
    )


async def test_the_request_log_names_bot_person_groups_and_outcome(shop: DemoCluster, shop_bot: Requests) -> None:
    await shop_bot.acting_as(MIA[0], MIA[1], "kubeai-readers").send("GET", "/api/v1/nodes", limit="5")
    line = shop.requests[-1]
    assert (line.method, line.path, line.verb, dict(line.query)) == ("GET", "/api/v1/nodes", "list", {"limit": "5"})
    assert line.user == "system:serviceaccount:kubeai:kubeai-bot"
    assert (line.impersonated_user, line.impersonated_groups) == (MIA[0], (MIA[1], "kubeai-readers"))
    assert line.status == 403


async def test_the_request_log_keeps_bodies_and_streams(shop: DemoCluster, shop_bot: Requests) -> None:
    path = "/apis/apps/v1/namespaces/shop/deployments/catalog/scale"
    await shop_bot.acting_as(*OMAR).patch(path, {"spec": {"replicas": 2}})
    assert shop.requests[-1].body == {"spec": {"replicas": 2}}
    async for _event in shop_bot.acting_as(*OMAR).watch("/api/v1/namespaces/shop/pods"):
        break
    assert (shop.requests[-1].verb, shop.requests[-1].status) == ("watch", 200)
