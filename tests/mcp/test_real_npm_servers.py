"""Servers from npm that nobody here wrote: the reference servers and the one for Kubernetes, over stdio and HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kubeai_bot.domain.policy import Effect
from kubeai_bot.playground.cluster.certificate import make_certificate
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import DemoCluster
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.opening import open_mcp
from tests.mcp.servers.starting import BOUND, Asked, until

EVERYTHING = "@modelcontextprotocol/server-everything"
FILES = "@modelcontextprotocol/server-filesystem"
KUBERNETES = "kubernetes-mcp-server"

Program = Callable[[str], str]


def everything(npm_program: Program, **more: object) -> McpServer:
    given = {"reads": ("*",), **more}
    return McpServer("every", command=(npm_program(EVERYTHING), "stdio"), transport="stdio", **given)  # type: ignore[arg-type]


async def test_every_kind_of_result_of_the_reference_server_becomes_words(npm_program: Program) -> None:
    async with open_mcp([everything(npm_program)]) as tools:
        mia = Asked(tools)
        await until(lambda: "every__echo" in mia.specs, tools.status)
        assert "hello shop" in await mia.words("every__echo", message="hello shop")
        assert "5" in await mia.words("every__get-sum", a=2, b=3)
        assert "image/png" in await mia.words("every__get-tiny-image")
        weather = await mia.words("every__get-structured-content", location="Chicago")
        assert "temperature" in weather
        links = await mia.words("every__get-resource-links", count=2)
        assert links.count("://") >= 2
        resource = await mia.words("every__get-resource-reference", resourceType="Text", resourceId=1)
        assert "://" in resource
        annotated = await mia.words("every__get-annotated-message", messageType="error", includeImage=True)
        assert "Operation failed" in annotated
        assert "image/png" in annotated
        wrong = await mia.words("every__get-sum", a="two", b=3)
        assert "a" in wrong
        environment = await mia.words("every__get-env")
        assert "PATH" in environment
        assert "KUBECONFIG" not in environment


async def test_its_long_operation_shows_progress_and_can_be_left(npm_program: Program) -> None:
    async with open_mcp([everything(npm_program)]) as tools:
        mia = Asked(tools)
        await until(lambda: "every__echo" in mia.specs, tools.status)
        done = await mia.words("every__trigger-long-running-operation", duration=0.6, steps=3)
        assert "ompleted" in done
        assert mia.told
        left = asyncio.create_task(mia.words("every__trigger-long-running-operation", duration=30, steps=30))
        told = len(mia.told)
        await until(lambda: len(mia.told) > told or left.done(), tools.status)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert "still" in await mia.words("every__echo", message="still there")


async def test_files_are_read_within_the_root_and_nowhere_else(npm_program: Program, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("the checkout needs two replicas")
    command = (npm_program(FILES), str(tmp_path))
    server = McpServer("files", command=command, transport="stdio", trust_hints=True)
    async with open_mcp([server]) as tools:
        mia = Asked(tools)
        await until(lambda: "files__read_text_file" in mia.specs, tools.status)
        assert mia.specs["files__read_text_file"].effect is Effect.READ
        assert mia.specs["files__write_file"].effect is Effect.WRITE
        assert "two replicas" in await mia.words("files__read_text_file", path=str(tmp_path / "notes.txt"))
        outside = await mia.ask("files__read_text_file", path="/etc/passwd")
        assert not outside.ok
        assert "root:" not in outside.content
        assert "denied" in outside.content.lower()


@asynccontextmanager
async def _mias_kubeconfig(folder: Path) -> AsyncGenerator[Path]:
    certificate = await make_certificate(folder)  # over plain HTTP client-go sends no token
    async with DemoCluster(Scenario.build(), certificate=certificate) as cluster:
        cluster.add_token("mias-token", "mia@shop.example", ("shop-developers",))
        path = folder / "kubeconfig"
        path.write_text(cluster.kubeconfig("mias-token"))
        yield path


@asynccontextmanager
async def _listening(program: str, *arguments: str) -> AsyncGenerator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        "--port",
        str(port),
        "--bind-address",
        "127.0.0.1",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), BOUND)


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_the_kubernetes_server_lists_the_pods_of_the_demo_cluster(
    npm_program: Program, tmp_path: Path, transport: str
) -> None:
    program = npm_program(KUBERNETES)
    async with _mias_kubeconfig(tmp_path) as kubeconfig:
        arguments = ("--read-only", "--kubeconfig", str(kubeconfig))
        if transport == "stdio":
            await _lists_pods(McpServer("kube", command=(program, *arguments), transport="stdio", trust_hints=True))
            return
        async with _listening(program, *arguments) as url:
            await _lists_pods(McpServer("kube", url=url, trust_hints=True))


async def _lists_pods(server: McpServer) -> None:
    async with open_mcp([server]) as tools:
        mia = Asked(tools)
        await until(lambda: "kube__pods_list_in_namespace" in mia.specs, tools.status)
        assert all(spec.effect is Effect.READ for spec in mia.specs.values())
        pods = await mia.ask("kube__pods_list_in_namespace", namespace="shop")
        assert pods.ok
        assert "checkout" in pods.content
        assert "frontend" in pods.content
        assert not (await mia.ask("kube__pods_list_in_namespace", namespace="payments")).ok
