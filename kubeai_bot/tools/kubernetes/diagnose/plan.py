"""diagnose: one reading call from a name to ranked evidence."""

from __future__ import annotations

from kubeai_bot.domain.message import Json
from kubeai_bot.domain.policy import Act
from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.diagnose.arguments import Diagnose
from kubeai_bot.tools.kubernetes.diagnose.finding import ranked
from kubeai_bot.tools.kubernetes.diagnose.gather import DNS_SPACE, Wanted, gather
from kubeai_bot.tools.kubernetes.diagnose.kinds import (
    CONFIG_MAPS,
    IN_NAMESPACE,
    SERVICE_ACCOUNTS,
    SERVICES,
    STORAGE_CLASSES,
    TARGETS,
)  # fmt: skip
from kubeai_bot.tools.kubernetes.diagnose.reading import Reading
from kubeai_bot.tools.kubernetes.diagnose.report import DETAILS, EVERYTHING, report
from kubeai_bot.tools.kubernetes.diagnose.rules import RULES
from kubeai_bot.tools.kubernetes.near import found_or_near
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.text import counted
from kubeai_bot.tools.kubernetes.tool import Scene, Step


def plan_diagnose(arguments: Diagnose, scene: Scene) -> Step:
    space = arguments.namespace
    target = Ref(TARGETS[arguments.kind or "deployment"], space, arguments.name) if arguments.name else None

    async def run(reach: Reach) -> ToolResult:
        subject: Json | None = await found_or_near(reach, target) if target else None
        reading = Reading(reach)
        picture = await gather(reading, Wanted(space, target, subject, arguments.wider), scene)
        found = ranked(RULES, picture)
        text = report(picture, found, DETAILS[arguments.detail])
        best = f": {found[0].finding.about} {found[0].finding.says}" if found else ""
        blind = not found and known.PODS not in picture.objects
        summary = "the pods could not be read" if blind else f"{counted(len(found), 'finding')}{best}"
        return ToolResult(text, summary, ok=not blind, whole=report(picture, found, EVERYTHING))

    what = str(target) if target else f"namespace {space}"
    return Step(f"Diagnose {what}", _acts(space, target, scene, wider=arguments.wider), run, timeout=60.0)


def _acts(space: str, target: Ref | None, scene: Scene, *, wider: bool) -> tuple[Act, ...]:
    """Everything that may be asked for: what of it is, depends on what is found."""
    listed = (known.PODS, known.EVENTS, CONFIG_MAPS, SERVICE_ACCOUNTS, *IN_NAMESPACE)
    acts = [
        *((("get", target), ("list", Ref(target.resource, space))) if target else ()),
        *(("list", Ref(resource, space)) for resource in listed),
        ("get", Ref(known.PODS, space, "", "log")),
        ("get", Ref(CONFIG_MAPS, space)),
        ("get", Ref(known.NAMESPACES, "", space)),
    ]
    if wider:
        acts += [
            ("list", Ref(known.NODES)),
            ("get", Ref(known.NODES)),
            ("list", Ref(known.PODS)),
            ("list", Ref(STORAGE_CLASSES)),
            ("get", Ref(SERVICES, DNS_SPACE, "kube-dns")),
            ("list", Ref(known.PODS, DNS_SPACE)),
        ]
    return scene.acts(*dict.fromkeys(acts))
