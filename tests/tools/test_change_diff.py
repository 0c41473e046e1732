"""The diff on a card: what changes, and nothing that only stands elsewhere."""

import copy
from typing import Any

DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/cart"
SEEDED = (
    ("", "configmaps"),
    ("", "nodes"),
    ("", "pods"),
    ("", "services"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("policy", "poddisruptionbudgets"),
)


def changed(diff: str) -> list[str]:
    """The lines that come or go."""
    return [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def turned_round(value: Any) -> Any:
    """The same JSON value with the keys of every object in reverse order."""
    if isinstance(value, dict):
        return {key: turned_round(inner) for key, inner in reversed(value.items())}
    return [turned_round(inner) for inner in value] if isinstance(value, list) else value


async def test_the_first_diff_of_every_object_of_the_demo_shows_the_change_alone(desk, demo, root):
    objects = [obj for place in SEEDED for obj in demo.state.store.list(place)]
    for obj in objects:
        metadata = obj["metadata"]
        where = {"namespace": metadata["namespace"]} if "namespace" in metadata else {}
        kind, name = obj["kind"].lower(), metadata["name"]
        preview = await desk.try_out(root, "label", kind=kind, name=name, labels=["tier=gold"], **where)
        new = [] if metadata.get("labels") else ["+  labels:"]
        assert changed(preview.diff) == [*new, "+    tier: gold"], (kind, name)


async def test_a_server_that_answers_in_another_order_makes_no_difference(scripted, script, mia):
    live = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop", "labels": {"app": "cart"}, "uid": "u1"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "cart"}},
            "template": {"spec": {"containers": [{"name": "cart", "image": "cart:1"}]}},
        },
    }
    after = copy.deepcopy(live)
    after["spec"]["template"]["spec"]["containers"][0]["image"] = "cart:2"
    script.answers = {f"GET {DEPLOYMENT}": live, f"PATCH {DEPLOYMENT}": turned_round(after)}
    preview = await scripted.try_out(mia, "set_image", name="cart", namespace="shop", image="cart:2")
    assert changed(preview.diff) == ["-      - image: cart:1", "+      - image: cart:2"]
