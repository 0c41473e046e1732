"""What can be known of a command without running it: does its program take these words, are the names in it real?"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from functools import cache
from itertools import pairwise
from typing import Any

import helm_python
import typer
import yaml
from typer.core import TyperGroup

from kubeai_bot import starting
from kubeai_bot.cli import app
from tests.chart.rendering import CHART, WORKING, Object, only, render
from tests.docs.reading import ROOT, Command, program_of

NAMESPACE = "kubeai"


def arguments_of(words: str) -> list[str]:
    """What follows the program's name, of each command of a pipe the first."""
    parts = shlex.split(words, comments=True)
    first = next(index for index, part in enumerate(parts) if not re.fullmatch(r"[A-Z][A-Z0-9_]*=.*", part))
    return parts[first + 1 :]


def kubeai_bot_takes(arguments: list[str]) -> None:
    """Raises where `kubeai-bot` has no such command or option, or is given too little."""
    if arguments[0] == "run":
        starting._parser().parse_args(arguments[1:])
        return
    name, command, rest = "kubeai-bot", typer.main.get_command(app), arguments
    while isinstance(command, TyperGroup):
        if not rest:
            return  # the whole group is meant
        context = command.make_context(name, list(rest))
        rest = [*context._protected_args, *context.args]
        found, below, rest = command.resolve_command(context, rest)
        assert below is not None
        name, command = found or "", below
    command.make_context(name, list(rest))


@cache
def make_could(words: str) -> None:
    """Raises where `make -n` finds a fault, or a target has no rule (a folder of that name would do for make)."""
    make = shutil.which("make")
    assert make is not None, "make is not installed"
    command = [make, "-n", "-C", str(ROOT), *arguments_of(words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(targets_of(words)) <= set(rules), f"the Makefile has no rule for one of {targets_of(words)}"


def targets_of(words: str) -> list[str]:
    return [part for part in arguments_of(words) if "=" not in part and not part.startswith("-")]


def options_of(arguments: list[str], name: str) -> list[str]:
    """The values of an option that may stand several times, as `--name value` or `--name=value`."""
    joined = [part.partition("=")[2] for part in arguments if part.startswith(f"{name}=")]
    return joined + [after for part, after in pairwise(arguments) if part == name]


def values_set(arguments: list[str]) -> dict[str, Any]:
    """What `--set a.b=c` gives, as Helm reads it."""
    values: dict[str, Any] = {}
    for each in options_of(arguments, "--set"):
        path, _, text = each.partition("=")
        *parents, last = path.split(".")
        node = values
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = {"true": True, "false": False}.get(text, text)
    return values


def helm_could(command: Command) -> list[Object]:
    """The objects that a `helm install` of this chart makes. Raises where the chart refuses the values."""
    arguments = arguments_of(command.words)
    match arguments[0]:
        case "install" | "template" | "upgrade":
            assert any(part.endswith("charts/kubeai-bot") for part in arguments), "another chart"
            return _installed(values_set(arguments), arguments[1], options_of(arguments, "-n") or [NAMESPACE])
        case "test":
            hooks = [each for each in render({}) if "helm.sh/hook" in each["metadata"].get("annotations", {})]
            assert hooks, "the chart has no test"
            return hooks
        case other:
            raise AssertionError(f"helm {other}: teach tests/docs/checking.py what can be known of it")


def _installed(values: dict[str, Any], name: str, namespaces: list[str]) -> list[Object]:
    """What stands in the command and nothing else; a file of values that it names is the reader's."""
    with helm_python.Chart.load(CHART) as chart:
        texts = chart.render(values or dict(WORKING), name=name, namespace=namespaces[0])
    return [
        found for path, text in texts.items() if path.endswith(".yaml") for found in yaml.safe_load_all(text) if found
    ]


def kubectl_could(command: Command) -> list[Object]:
    """The objects that a `kubectl create` makes; names of the chart's objects in other commands are looked up."""
    arguments = arguments_of(command.words)
    inner = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
    if inner and program_of(" ".join(inner)) == "kubeai-bot":
        kubeai_bot_takes(inner[1:])
    for part in arguments:
        kind, slash, name = part.partition("/")
        if slash and kind in ("deploy", "deployment"):
            assert only(render({}), "Deployment")["metadata"]["name"] == name
            assert NAMESPACE in options_of(arguments, "-n"), "the release stands in a namespace of its own: -n kubeai"
    pod = only(render({}), "Deployment")["spec"]["template"]["spec"]
    containers = {each["name"] for each in [*pod["containers"], *pod["initContainers"]]}
    assert set(options_of(arguments, "-c")) <= containers
    return _created(arguments) if "create" in arguments else []


def _created(arguments: list[str]) -> list[Object]:
    """What kubectl itself would send, without a server."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return []
    command = [kubectl, *arguments, "--dry-run=client", "--output=yaml"]
    environment = {"PATH": "/usr/bin:/bin", "KUBECONFIG": "/dev/null", "HOME": "/nonexistent"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))
