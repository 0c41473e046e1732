"""CPU of a look at a cluster: through our client and tools, beside spawning kubectl for the same answer.

    python -m benchmarks.tools [path of kubectl]

The demo cluster serves both, in a process of its own that does not count. kubectl is taken from the path given, from
KUBEBUILDER_ASSETS, or from PATH. Both act as the same impersonated person. Medians of CPU (user and system) over rounds
that take turns; kubectl's is that of its processes alone, without what spawning costs the parent.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Mode
from kubeai_bot.domain.redaction.redactor import Redaction
from kubeai_bot.domain.tool import CallContext
from kubeai_bot.kube.config import connect
from kubeai_bot.playground.cluster.certificate import make_certificate
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import DemoCluster
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools

ROUNDS = 15
LEAST = 10.0
USER, GROUP = "omar@shop.example", "platform-engineers"
OMAR = Identity(Speaker("T", "U"), "mapping", KubeUser(USER, (GROUP,)), datetime.now(UTC))


def serve(path: str, ready: multiprocessing.synchronize.Event) -> None:
    async def run() -> None:
        certificate = await make_certificate(Path(path).parent)  # without TLS kubectl sends no token
        async with DemoCluster(Scenario.build(), certificate=certificate) as cluster:
            await asyncio.to_thread(Path(path).write_text, cluster.kubeconfig())
            ready.set()
            await asyncio.Event().wait()

    asyncio.run(run())


def find_kubectl() -> str | None:
    assets = os.environ.get("KUBEBUILDER_ASSETS", "")
    given = sys.argv[1] if len(sys.argv) > 1 else str(Path(assets) / "kubectl") if assets else ""
    return given if given and Path(given).exists() else shutil.which("kubectl")


def spent_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


async def quiet(_line: str) -> None:
    return


async def measure(kubeconfig: str, kubectl: str) -> list[dict[str, object]]:
    cluster = await connect(kubeconfig=kubeconfig, context=None, impersonate=True)
    tools = KubernetesTools({cluster.name: cluster}, cluster.name, Mode.NONE)
    context = CallContext("s", "t", "C", Redaction(b"a key for measuring").for_session("s"), quiet)

    async def ours(name: str, /, **arguments: object) -> str:
        planned = await tools.plan(ToolCall("1", name, arguments), OMAR)
        result = await tools.call(planned, OMAR, context)
        return context.redactor.text(result.content).text

    def theirs(*arguments: str) -> str:
        command = [kubectl, "--kubeconfig", kubeconfig, "--as", USER, "--as-group", GROUP, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    pods = await ours("list_resources", kind="pods", namespace="shop")
    pod = next(line.split()[0] for line in pods.splitlines() if line.startswith("frontend"))
    looks = [
        ("list the pods of a namespace", ("list_resources", {"kind": "pods", "namespace": "shop"}),
         ("get", "pods", "-n", "shop")),
        ("one deployment as YAML", ("get_resource", {"kind": "deployment", "namespace": "shop", "name": "frontend"}),
         ("get", "deployment", "frontend", "-n", "shop", "-o", "yaml")),
        ("the last 100 lines of a log", ("get_logs", {"namespace": "shop", "pod": pod, "tail_lines": 100}),
         ("logs", pod, "-n", "shop", "--tail=100")),
        ("events of a namespace", ("get_events", {"namespace": "shop"}), ("get", "events", "-n", "shop")),
    ]  # fmt: skip
    rows: list[dict[str, object]] = []
    for title, (name, given), command in looks:
        own: list[float] = []
        other: list[float] = []
        for _ in range(ROUNDS):
            before = time.process_time()
            await ours(name, **given)
            own.append(time.process_time() - before)
            before = spent_by_children()
            await asyncio.to_thread(theirs, *command)
            other.append(spent_by_children() - before)
        mine, kubectls = statistics.median(own) * 1000, statistics.median(other) * 1000
        rows.append(
            {
                "look": title,
                "ours_ms": round(mine, 2),
                "kubectl_ms": round(kubectls, 1),
                "ratio": round(kubectls / mine, 1),
            }
        )
    await cluster.aclose()
    return rows


def main() -> int:
    kubectl = find_kubectl()
    if kubectl is None:
        print("There is no kubectl: give its path.")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        path, ready = str(Path(folder) / "kubeconfig"), multiprocessing.Event()
        server = multiprocessing.Process(target=serve, args=(path, ready), daemon=True)
        server.start()
        try:
            if not ready.wait(60):
                print("The demo cluster did not start.")
                return 2
            rows = asyncio.run(measure(path, kubectl))
        finally:
            server.terminate()
            server.join()
    print(f"{'CPU of one look':<32} {'ours':>9} {'kubectl':>9} {'ratio':>7}")
    for row in rows:
        print(f"{row['look']:<32} {row['ours_ms']:>6} ms {row['kubectl_ms']:>6} ms {row['ratio']:>5} ×")
    Path(__file__).with_name("results").joinpath("tools.json").write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(float(str(row["ratio"])) >= LEAST for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
