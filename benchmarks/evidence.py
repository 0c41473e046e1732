"""What `diagnose` says of each fault, beside the tokens of describe, get -o yaml and logs --tail=100.

    python -m benchmarks.evidence [--show CASE]

Faults: those of the demo cluster and those of tests/diagnose/scenarios.py. Tokens by `estimate_tokens`. The other
side is what an expert would print for the same fault, of the workload, one of its pods and the object at fault:
`plain` is our describe_resource, what `kubectl get -o yaml` prints (all but managedFields) and the last 100 log lines
of that pod; `own` has our get_resource and get_logs in place of kubectl's text, which leave out and fold by
themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from kubeai_bot.kube.config import connect
from kubeai_bot.playground.cluster.scenario import Scenario
from tests.diagnose.asking import ROOT
from tests.diagnose.measuring import Measured, measure
from tests.diagnose.scenarios import draw_scenarios
from tests.diagnose.stage import demo_cases, new_scene, standing_still

MOST = 0.20


async def measure_all() -> list[Measured]:
    shop, scene = Scenario.build(), new_scene()
    worker = next(o for o in shop.objects if o["kind"] == "Node" and not o["spec"].get("taints"))
    cases = [*demo_cases(shop), *draw_scenarios(scene, worker)]
    async with standing_still(shop, scene) as demo:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "kubeconfig"
            path.write_text(demo.kubeconfig())
            cluster = await connect(kubeconfig=str(path), context=None, impersonate=True)
        try:
            return [await measure(cluster, ROOT, case) for case in cases]
        finally:
            await cluster.aclose()


def table(rows: list[Measured]) -> str:
    lines = [f"{'fault':24} present  diagnose   plain  ratio     own  ratio  requests"]
    for row in rows:
        present = "yes" if not row.missing else "NO"
        sizes = f"{row.tokens:8} {row.plain:7} {row.ratio:6.1%} {row.own:7} {row.own_ratio:6.1%} {row.requests:9}"
        lines.append(f"{row.case.name:24} {present:7} {sizes}")
        lines += [f"    missing: {words!r}" for words in row.missing]
    found, small = sum(not row.missing for row in rows), sum(row.ratio <= MOST for row in rows)
    lines.append(f"{found} of {len(rows)} carry the evidence; {small} of {len(rows)} in ≤ {MOST:.0%} of the tokens")
    worst, own = max(row.ratio for row in rows), max(row.own_ratio for row in rows)
    most = max(row.requests for row in rows)
    return "\n".join([*lines, f"(largest ratio {worst:.1%}, beside our own tools {own:.1%}; most requests {most})"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", metavar="CASE", help="print the diagnosis of the faults whose name holds this")
    shown = parser.parse_args().show
    rows = asyncio.run(measure_all())
    for row in rows:
        if shown is not None and shown in row.case.name:
            sys.stdout.write(f"--- {row.case.name}\n{row.text}\n\n")
    sys.stdout.write(table(rows) + "\n")
    return 0 if all(not row.missing and row.ratio <= MOST for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
