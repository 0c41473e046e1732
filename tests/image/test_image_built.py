"""The Dockerfile built, looked into, and started as the user that it names: what a cluster would run."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from psycopg.conninfo import conninfo_to_dict

from kubeai_bot.playground.world import World, WorldOptions, open_world
from tests.image.built import BUILD_ARGUMENTS, ROOT, Image, base_name
from tests.scenario.stories import finals
from tests.stores.postgres_server import new_database
from tests.waiting import end_of, ready

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

USER = 10001
MOST_MEMORY = 150.0
"""MiB of an idle bot."""

LOADED = """
import sys
from kubeai_bot import main, starting
from kubeai_bot.providers import openai
from kubeai_bot.stores.postgres import opening
from pathlib import Path
UNCHECKED = b"\\1\\0\\0\\0"  # PEP 552: bit 0, a hash stands in the file; bit 1, it is compared with the source
specs = [module.__spec__ for module in sys.modules.values() if module and module.__spec__]
files = [spec for spec in specs if str(spec.origin).endswith(".py")]
for spec in files:
    if not Path(spec.cached).is_file():
        print(spec.origin, "is not compiled")
    elif Path(spec.cached).read_bytes()[4:8] != UNCHECKED:
        print(spec.origin, "is compared with its source")
print("modules:", len(files))
"""


def _site(image: Image) -> Path:
    (found,) = (image.files / "opt/kubeai-bot/lib").glob("python3.*/site-packages")
    return found


def test_the_image_says_who_runs_it_and_what_and_where_it_comes_from(image: Image) -> None:
    config = image.config
    assert config["User"] == f"{USER}:{USER}"
    assert (config["Entrypoint"], config["Cmd"]) == (["kubeai-bot"], ["run"])
    assert set(config["ExposedPorts"]) == {"8888/tcp"}
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in config["Labels"].items()
        if name.startswith("org.opencontainers.image.")
    }
    given = {name.lower(): value for name, value in BUILD_ARGUMENTS.items()}
    assert given.items() <= labels.items()
    assert labels["base.name"] == base_name()
    assert labels["licenses"] == "Apache-2.0"
    assert all(labels.values())


def test_a_process_in_it_has_no_rights_of_root(image: Image) -> None:
    assert image.run("id").stdout.split() == [f"uid={USER}(kubeai)", f"gid={USER}(kubeai)", f"groups={USER}(kubeai)"]
    assert "/usr/sbin/nologin" in next(
        line for line in (image.files / "etc/passwd").read_text("utf-8").splitlines() if line.startswith("kubeai:")
    )
    for place in (image.files / "opt/kubeai-bot").rglob("*"):
        status = place.lstat()
        assert (status.st_uid, status.st_gid) == (0, 0), place
        assert place.is_symlink() or not status.st_mode & 0o022, place


def test_no_pip_no_compiler_and_nothing_of_the_build_is_in_it(image: Image) -> None:
    tools = {"pip", "pip3", "gcc", "cc", "g++", "c++", "make", "ld", "as", "rustc", "go", "curl", "wget"}
    for folder in ("opt/kubeai-bot/bin", "usr/bin", "usr/local/bin"):
        assert tools.isdisjoint(place.name for place in (image.files / folder).iterdir()), folder
    refused = image.run("python3", "-m", "pip", "--version")
    assert refused.returncode != 0
    assert "No module named pip" in refused.stderr
    assert not (image.files / "src").exists()
    assert not (image.files / "tmp/build").exists()
    assert not list(_site(image).glob("hatchling*"))


def test_it_has_exactly_the_pinned_packages_where_a_scanner_finds_them(image: Image) -> None:
    """An SBOM is made from what stands in METADATA."""
    found: dict[str, str] = {}
    for place in _site(image).glob("*.dist-info/METADATA"):
        metadata = HeaderParser().parsestr(place.read_text(encoding="utf-8"), headersonly=True)
        found[_plain(metadata["Name"])] = metadata["Version"]
    assert found.pop("kubeai-bot")
    assert found == _pinned(image)


def _pinned(image: Image) -> dict[str, str]:
    """What requirements/runtime.txt pins for the image's Python, by name."""
    version = _site(image).parent.name.removeprefix("python")
    environment = {"python_version": version, "python_full_version": f"{version}.0"}
    text = (ROOT / "requirements/runtime.txt").read_text(encoding="utf-8")
    lines = re.findall(r"^[A-Za-z0-9][^\\\n]*", text, re.MULTILINE)
    wanted = [Requirement(line.strip()) for line in lines]
    return {
        _plain(each.name): str(each.specifier).removeprefix("==")
        for each in wanted
        if each.marker is None or each.marker.evaluate(environment)
    }


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_everything_that_a_start_loads_is_compiled_and_never_compared_with_its_source(image: Image) -> None:
    told = image.run("python3", "-c", LOADED)
    *uncompiled, last = told.stdout.splitlines()
    assert (told.returncode, uncompiled) == (0, []), told.stderr
    assert int(last.removeprefix("modules: ")) > 1000


def test_it_trusts_the_public_certificate_authorities(image: Image) -> None:
    told = image.run("python3", "-c", "import ssl; print(len(ssl.create_default_context().get_ca_certs()))")
    assert int(told.stdout) > 50


def test_started_without_settings_it_says_what_is_missing(image: Image) -> None:
    refused = image.run()
    assert refused.returncode != 0
    for words in ("kubeai-bot cannot start:", "SLACK_BOT_TOKEN", "MODEL_ID", "SLACK_APP_TOKEN", "OPENAI_API_KEY"):
        assert words in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_it_answers_in_slack_with_no_shell_in_it_and_leaves_when_asked(image: Image, tmp_path: Path) -> None:
    """Sessions in PostgreSQL: the migrations and the driver's libraries are in the image too."""
    of = conninfo_to_dict(new_database())
    database = f"postgresql://{of['user']}@{of['host']}:{of['port']}/{of['dbname']}"
    shells = [image.files / f"usr/bin/{name}" for name in ("sh", "dash", "bash", "rbash")]
    for shell in shells:
        shell.unlink()
    assert image.run("sh", "-c", "true").returncode != 0
    options = WorldOptions(environment={"SESSION_TYPE": "postgres", "DATABASE_URL": database})
    log = tmp_path / "log"
    async with open_world(options) as world:
        assert world.workspace is not None
        async with _started(image, world, tmp_path, log) as pid:
            assert _user_ids(pid) == {str(USER)}
            thread = await world.workspace.say("U0MIA", "why is checkout down?")
            await world.workspace.wait_for(lambda _: finals(world, "D0MIA", thread), timeout=60, what="an answer")
            assert _resident(pid) <= MOST_MEMORY
        world.workspace.assert_no_problems()
    assert "Traceback" not in log.read_text("utf-8")


@asynccontextmanager
async def _started(image: Image, world: World, folder: Path, log: Path) -> AsyncGenerator[int]:
    """The image's entrypoint, ready; its process. At the end it is asked to leave, and exits 0."""
    environment, given = _reachable(world.environment, folder / "given")
    line = image.command(environment=environment, mounts={given: "/run/given"})
    with log.open("wb") as output:
        outside = await asyncio.create_subprocess_exec(*line, stdout=output, stderr=output)
    try:
        await ready(environment["LISTEN_ADDRESS"], outside, log, 60)
        pid = _inside(outside.pid)
        yield pid
        os.kill(pid, signal.SIGTERM)
        assert await asyncio.wait_for(outside.wait(), 60) == 0, end_of(log)
    finally:
        if outside.returncode is None:
            outside.terminate()
            await outside.wait()


def _reachable(environment: Mapping[str, str], folder: Path) -> tuple[dict[str, str], Path]:
    """The environment with its files where the image's user may read them: mounted at /run/given."""
    folder.mkdir()
    folder.chmod(0o755)
    changed = dict(environment, AUDIT_FILE="/home/kubeai/audit.jsonl")
    for name in ("KUBECONFIG", "CONFIG_FILE"):
        there = folder / name
        there.write_bytes(Path(environment[name]).read_bytes())
        there.chmod(0o644)
        changed[name] = f"/run/given/{name}"
    return changed, folder


def _inside(pid: int) -> int:
    """The process at the end of the line of buildah's: the bot has no children."""
    while True:
        threads = Path(f"/proc/{pid}/task").iterdir()
        children = [child for thread in threads for child in (thread / "children").read_text("ascii").split()]
        if not children:
            return pid
        pid = int(children[0])


def _user_ids(pid: int) -> set[str]:
    """Real, effective, saved and of the file system."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(set(line.split()[1:]) for line in lines if line.startswith("Uid:"))


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Rss:")) / 1024
