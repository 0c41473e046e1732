"""Every command in the documents is executed by a test, or is marked with what it needs."""

from __future__ import annotations

import base64
import re

import pytest
from typer._click.exceptions import ClickException

from kubeai_bot.settings.environment import Settings
from tests.chart.rendering import bot_of, environment, only
from tests.docs.checking import (
    arguments_of,
    helm_could,
    kubeai_bot_takes,
    kubectl_could,
    make_could,
    targets_of,
)
from tests.docs.reading import (
    DOCUMENTS,
    ROOT,
    SHELL,
    Command,
    blocks,
    commands,
    filled,
    inline_commands,
    shell_blocks,
)

LANGUAGES = {*SHELL, "yaml", "json", "sql", "markdown", "text"}

MAKE_RUNS = {
    "demo": "tests/scenario/test_programs.py",  # its recipe is `kubeai-bot playground`
    "install": "Makefile",  # `make demo` and `make test` begin with it: every test stands in what it made
    "test": ".ci",  # this run
    "test-all": "Makefile",  # `make test` without its one deselection
    "coverage": "Makefile",  # `make test`, measured
    "lint": ".ci",
    "format": "Makefile",  # what `make lint` only checks
    "chaos": "tests/chaos/test_chaos.py",  # fewer questions, the same storm
    "bench": "benchmarks/turn.py",  # minutes long; its numbers stand in docs/performance.md
    "bench-sessions": "benchmarks/sessions.py",  # the same
    "bench-tools": "benchmarks/tools.py",  # the same
    "bench-evidence": "benchmarks/evidence.py",  # the same
    "bench-startup": "benchmarks/startup.py",  # the same
    "docs": "tests/docs/test_docs_site.py",  # builds the site where there is an MkDocs
    "image": "tests/image/test_image_built.py",  # with buildah, where there is one
    "lock": "requirements/dev.txt",  # needs the network; what it wrote last is there
}
"""Where each target of the Makefile is executed, because it takes too long or too much for a test of the documents.
Here `make -n` has to find it."""

RUN_ELSEWHERE = {
    "cp .env.example .env": "tests/docs/test_docs_laptop.py",
    "python charts/describe_values.py": "tests/chart/test_chart_values.py",
    "kubectl auth whoami": "tests/playground_cluster/test_shop_kubectl.py",
    "pytest tests/chart": "tests/chart/test_chart_renders.py",
    ".venv/bin/python -m tests.playground_page.screenshots docs/screenshots": "tests/playground_page/screenshots.py",
}
"""Commands whose doing is another test's, and where."""

HINT = (
    "{place}: `{words}` is neither executed by a test nor marked. In a fenced block it is executed by "
    "tests/docs/test_docs_run.py; in a code span give it an entry in RUN_ELSEWHERE (tests/docs/test_docs_commands.py). "
    "Where it cannot run here, say what it needs: <!-- needs a real cluster --> on a line before its block, "
    "`# needs a real cluster` after it, or in the sentence."
)

MARKED = [each for block in shell_blocks() for each in commands(block) if each.mark]
MADE = [each for block in shell_blocks() for each in commands(block) if each.program == "make"]


def known(command: Command) -> None:
    """Raises where a command does not fit its program, whether it can run here or not."""
    match command.program:
        case "kubeai-bot":
            kubeai_bot_takes(arguments_of(command.words))
        case "make":
            make_could(command.words)
            assert set(targets_of(command.words)) <= set(MAKE_RUNS), "say in MAKE_RUNS where this target is executed"
        case "helm":
            helm_could(command)
        case "kubectl":
            kubectl_could(command)
        case _:
            pass


def checked(command: Command) -> None:
    try:
        known(command)
    except (ClickException, AssertionError, SystemExit) as error:
        pytest.fail(f"{command.place}: `{command.words}`: {error}")


def test_there_are_documents_and_commands_to_check() -> None:
    assert len(DOCUMENTS) >= 15
    assert len(shell_blocks()) >= 10
    assert len(inline_commands()) >= 30


@pytest.mark.parametrize("file", DOCUMENTS)
def test_every_block_says_what_it_is(file: str) -> None:
    strange = [f"{block.place}: {block.language!r}" for block in blocks(file) if block.language not in LANGUAGES]
    assert not strange, f"the language after the fence has to be one of {sorted(LANGUAGES)}"


@pytest.mark.parametrize("command", [*MARKED, *MADE], ids=lambda command: str(command.place))
def test_a_command_that_does_not_run_here_is_at_least_well_formed(command: Command) -> None:
    checked(command)


@pytest.mark.parametrize("command", inline_commands(), ids=lambda command: str(command.place))
def test_every_command_in_a_sentence_is_known_or_marked(command: Command) -> None:
    if command.words.endswith("…"):
        return  # the form of a command
    a_name = command.program in ("helm", "kubectl") and len(command.words.split()) == 2
    if command.words in RUN_ELSEWHERE or a_name:
        return
    runs_here = command.program in ("kubeai-bot", "make")
    assert runs_here or command.mark, HINT.format(place=command.place, words=command.words)
    checked(command)


def test_what_runs_elsewhere_is_still_there_and_still_in_the_documents() -> None:
    said = [each.words for each in inline_commands()]
    targets = {target for each in MADE for target in targets_of(each.words)}
    targets |= {target for words in said if words.startswith("make ") for target in targets_of(words)}
    assert set(RUN_ELSEWHERE) <= set(said)
    assert set(MAKE_RUNS) == targets
    for path in (*RUN_ELSEWHERE.values(), *MAKE_RUNS.values()):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(
    "block",
    [block for block in shell_blocks() if "create secret" in block.text and "helm install" in block.text],
    ids=lambda block: str(block.place),
)
def test_the_secret_and_the_values_of_an_installation_make_a_bot_that_starts(block) -> None:
    """The namespace and the Secret that kubectl would make are those that the release reads."""
    steps = commands(block)
    made = [each for step in steps if step.program == "kubectl" for each in kubectl_could(step)]
    if not made:
        pytest.skip("kubectl is not installed")
    install = next(step for step in steps if step.words.startswith("helm install"))
    release = helm_could(install)
    names = {each["kind"]: each["metadata"]["name"] for each in made}
    assert only(release, "Deployment")["metadata"]["namespace"] == names["Namespace"]
    bot = bot_of(release)
    assert {"secretRef": {"name": names["Secret"]}} in bot["envFrom"]
    secret = {name: filled(base64.b64decode(text).decode()) for name, text in only(made, "Secret")["data"].items()}
    given = {name: text for name, text in environment(bot).items() if isinstance(text, str)}
    assert Settings.load({**given, **secret}).uses_socket_mode
    assert re.search(r"kubeai-readers", str(release)), "the shared group is bound to what it may see"
