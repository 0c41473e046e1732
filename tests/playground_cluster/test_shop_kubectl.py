"""kubectl against the demo cluster, over TLS as kubectl needs it to send its token."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from kubeai_bot.playground.cluster.certificate import make_certificate
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import ADMIN_TOKEN, DemoCluster

_KUBECTL = shutil.which("kubectl")
pytestmark = [
    pytest.mark.skipif(_KUBECTL is None, reason="kubectl is not on PATH"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on PATH"),
]
_AS_OMAR = ("--as=omar@shop.example", "--as-group=platform-engineers")

Kubectl = Callable[..., Awaitable[str]]


@pytest.fixture
async def secure_shop(tmp_path: Path) -> AsyncGenerator[DemoCluster]:
    async with DemoCluster(Scenario.build(), certificate=await make_certificate(tmp_path)) as cluster:
        yield cluster


@pytest.fixture
def kubectl(secure_shop: DemoCluster, tmp_path: Path) -> Kubectl:
    """Runs kubectl with the bot's kubeconfig (or as=ADMIN_TOKEN) and gives what it prints on both streams."""

    async def run(*arguments: str, token: str | None = None) -> str:
        config = tmp_path / f"kubeconfig-{token}"
        config.write_text(secure_shop.kubeconfig(token) if token else secure_shop.kubeconfig())
        environment = {**os.environ, "KUBECONFIG": str(config), "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
        assert _KUBECTL is not None
        process = await asyncio.create_subprocess_exec(
            _KUBECTL,
            *arguments,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        return output.decode()

    return run


async def test_get_prints_computed_columns(kubectl: Kubectl) -> None:
    pods = await kubectl("get", "pods", "-n", "shop", *_AS_OMAR)
    assert "CrashLoopBackOff" in pods
    assert pods.splitlines()[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    wide = await kubectl("get", "deploy", "-n", "shop", "-o", "wide", *_AS_OMAR)
    assert wide.splitlines()[0].split()[-3:] == ["CONTAINERS", "IMAGES", "SELECTOR"]
    assert "Failed" in await kubectl("get", "bak", "-n", "shop", *_AS_OMAR)


async def test_describe_shows_conditions_and_events(kubectl: Kubectl, secure_shop: DemoCluster) -> None:
    fault = next(fault for fault in secure_shop.scenario.faults if fault.kind == "image-pull")
    text = await kubectl("describe", "pod", fault.pod, "-n", fault.namespace, *_AS_OMAR)
    assert "ImagePullBackOff" in text
    assert "Failed to pull image" in text


async def test_logs_are_read(kubectl: Kubectl, secure_shop: DemoCluster) -> None:
    fault = next(fault for fault in secure_shop.scenario.faults if fault.kind == "crash-loop")
    text = await kubectl("logs", fault.pod, "-n", fault.namespace, "-c", fault.workload, "-p", *_AS_OMAR)
    assert fault.evidence[1] in text


async def test_can_i_and_whoami_answer_for_the_impersonated_person(kubectl: Kubectl) -> None:
    assert (await kubectl("auth", "can-i", "list", "pods", "-n", "shop", *_AS_OMAR)).strip() == "yes"
    assert (await kubectl("auth", "can-i", "get", "secrets", "-n", "kube-system", *_AS_OMAR)).strip() == "no"
    assert "deployments.apps/scale" in await kubectl("auth", "can-i", "--list", "-n", "shop", *_AS_OMAR)
    assert "platform-engineers" in await kubectl("auth", "whoami", *_AS_OMAR)


async def test_explain_reads_the_schemas(kubectl: Kubectl) -> None:
    assert "replicas\t<integer>" in await kubectl("explain", "deployment.spec", *_AS_OMAR)
    assert "retentionDays\t<integer>" in await kubectl("explain", "backup.spec", *_AS_OMAR)


async def test_top_and_events_work(kubectl: Kubectl) -> None:
    assert "ledger-db-0" in await kubectl("top", "pods", "-n", "payments", *_AS_OMAR)
    assert "BackOff" in await kubectl("events", "-n", "shop", *_AS_OMAR)


async def test_scale_and_rollout_undo_work(kubectl: Kubectl, secure_shop: DemoCluster) -> None:
    fault = next(fault for fault in secure_shop.scenario.faults if fault.kind == "rollout")
    place = ("-n", fault.namespace)
    assert "scaled" in await kubectl("scale", "deploy/catalog", "--replicas=3", "-n", "shop", *_AS_OMAR)
    assert "rolled back" in await kubectl("rollout", "undo", f"deploy/{fault.workload}", *place, *_AS_OMAR)
    status = await kubectl("rollout", "status", f"deploy/{fault.workload}", *place, "--timeout=10s", *_AS_OMAR)
    assert "successfully rolled out" in status


async def test_refusals_are_printed_with_the_servers_words(kubectl: Kubectl) -> None:
    assert 'User "system:serviceaccount:kubeai:kubeai-bot" cannot list resource "pods"' in await kubectl("get", "pods")
    assert "demo-worker-1" in await kubectl("get", "nodes", token=ADMIN_TOKEN)
