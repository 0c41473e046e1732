"""The doctor and what the bot can be given beside: MCP servers, skills, audit trail, telemetry."""

import asyncio
from pathlib import Path

from kubeai_bot.doctor.finding import Area
from kubeai_bot.playground.mcp.server import open_runbooks


async def test_an_mcp_server_that_answers_is_fine_and_one_that_does_not_is_named(doctor, tmp_path: Path) -> None:
    async with open_runbooks() as runbooks:
        visit = await doctor.visit(Area.MCP, MCP_SERVERS=f"runbooks={runbooks.url},gone=http://127.0.0.1:9/mcp")
    assert (visit.code, visit.wrong) == (1, {"mcp.gone"})
    assert "Start the MCP server gone" in visit.named("mcp.gone")["fix"]
    assert visit.named("mcp.runbooks")["result"] == "ok"
    assert visit.named("mcp.gone")["at_start"] == "go"


async def test_a_bad_skill_is_told_with_its_line(doctor, tmp_path: Path) -> None:
    (tmp_path / "crash.md").write_text("---\nname: Crash Loop\n---\nLook.\n", encoding="utf-8")
    visit = await doctor.visit(Area.SKILLS, SKILLS_DIR=str(tmp_path))
    assert visit.code == 1
    assert visit.report["findings"][0]["says"].startswith("crash.md:2: name must be lower-case letters")
    assert (await doctor.visit(Area.SKILLS, init=True, SKILLS_DIR=str(tmp_path))).code == 0


async def test_an_audit_file_without_a_place_is_a_fault_and_none_is_made(doctor, tmp_path: Path) -> None:
    visit = await doctor.visit(Area.AUDIT, AUDIT_FILE=str(tmp_path / "gone" / "audit.jsonl"))
    assert visit.wrong == {"audit.place"}
    assert "AUDIT_FILE" in visit.named("audit.place")["fix"]
    assert (await doctor.visit(Area.AUDIT, AUDIT_FILE=str(tmp_path / "audit.jsonl"))).code == 0
    assert not (tmp_path / "audit.jsonl").exists()


async def test_an_otlp_endpoint_is_tried_by_a_connection(doctor) -> None:
    came = asyncio.Event()

    def at_the_door(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        writer.close()

    server = await asyncio.start_server(at_the_door, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        visit = await doctor.visit(Area.TELEMETRY, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
        async with asyncio.timeout(30):
            await came.wait()
    assert visit.code == 0
    visit = await doctor.visit(Area.TELEMETRY, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert visit.wrong == {"telemetry.otlp"}
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in visit.named("telemetry.otlp")["fix"]
    visit = await doctor.visit(Area.TELEMETRY, OTEL_EXPORTER_OTLP_ENDPOINT="collector:4317")
    assert "no http or https URL" in visit.named("telemetry.otlp")["says"]
