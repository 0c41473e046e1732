"""Questions asked while everything breaks: `python -m tests.chaos.storm QUESTIONS SEED` (`make chaos N=500 SEED=1`).

Two bot processes share one PostgreSQL, one simulated Slack, one demo cluster and one model. Every event is delivered
up to three times, to processes chosen at random, which are killed at chosen steps and at random, or paused past their
lease between a change's record and its request; sockets and database connections are cut. Then it is counted, at the
edges, what came of it.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg.conninfo import conninfo_to_dict

from kubeai_bot.assembly.store import open_store
from kubeai_bot.domain.message import Source, Text, ToolCallRequest, ToolCallResponse
from kubeai_bot.domain.policy import Mode
from kubeai_bot.domain.session import ThreadRef
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.playground.cluster.server import ADMIN_TOKEN, DemoCluster
from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.replies import Call, Reply, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import World, WorldOptions, open_world
from kubeai_bot.settings.environment import Settings
from tests.chaos.replica import TERM_SECONDS
from tests.chaos.replicas import Counts, Replica
from tests.playground_cluster.cluster_client import Requests, client_of
from tests.scenario.stories import OMAR, ONCALL, finals, turn_ids
from tests.stores.postgres_server import free_port, new_database
from tests.waiting import until

AT_ONCE = 6
"""Questions that wait for their answers at a time."""

SOCKET_MODE, HTTP = "Socket Mode", "signed HTTP"

CALM_WITHIN = 90.0
"""Seconds after the last fault in which everything must be answered and put away."""


@dataclass(frozen=True)
class Question:
    number: int
    channel: str
    thread: str
    writes: bool


@dataclass
class Report:
    seed: int
    transport: str
    questions: int
    seconds: float = 0.0
    deliveries: int = 0
    redeliveries: int = 0
    cuts: int = 0
    writes: int = 0
    counts: Counts = field(default_factory=Counts)
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        done = self.counts
        return [
            f"{self.questions} questions over {self.transport}, seed {self.seed}, {self.seconds:.0f} s",
            f"  events delivered {self.deliveries} times, {self.redeliveries} of them again on purpose",
            f"  processes: {done.started} started, {done.killed_at_a_step} killed at a step,",
            f"  {done.killed_at_random} at random, {done.paused} paused past their lease; {self.cuts} connections cut",
            f"  changes sent to the cluster: {self.writes}",
            *(f"  FAULT: {fault}" for fault in self.faults),
            "  every question has one answer, nothing was lost, nothing ran twice" if not self.faults else "",
        ]


def answer(conversation: Conversation) -> Reply:
    """A model whose next words follow from the transcript alone, whichever process asks."""
    made = [made.tool for made in conversation.now.made]
    words = conversation.question.split()
    if "scale" in words:
        if not made:
            return Call("rollout_status", {"kind": "deployment", "namespace": "shop", "name": words[-1]})
        if "scale" not in made:
            arguments = {"kind": "deployment", "namespace": "shop", "name": words[-1], "replicas": 1}
            return [Say("I do it now."), Call("scale", arguments)]
    elif "look" in words and not made:
        return [Say("Let me look."), Call("list_resources", {"kind": "pods", "namespace": "shop"}), Call("whoami")]
    return Say(f"That is the whole answer to question {words[1]}.")


class Storm:
    """One storm over one transport."""

    def __init__(self, world: World, database_url: str, report: Report, folder: Path, http_ports: list[int]) -> None:
        self.world = world
        self.report = report
        self.rng = random.Random(report.seed)
        self.calm = asyncio.Event()
        self.pausing = asyncio.Lock()
        self.asked: list[Question] = []
        self._url = database_url
        self._replicas = [self._replica(name, folder, port) for name, port in zip("ab", http_ports, strict=True)]

    def _replica(self, name: str, folder: Path, port: int) -> Replica:
        environment = {
            **self.world.environment,
            "LISTEN_ADDRESS": f"127.0.0.1:{port}",
            "SESSION_TYPE": "postgres",
            "DATABASE_URL": self._url,
            "DATABASE_POOL_SIZE": "4",
        }
        rng = random.Random(self.rng.random())
        return Replica(
            name,
            environment,
            rng,
            self.report.counts,
            self._taken_over,
            folder / f"{name}.log",
            self.calm,
            self.pausing,
        )

    def doom(self, death: dict[str, object]) -> None:
        """How the first processes die."""
        for replica in self._replicas:
            replica.first_death = dict(death)

    async def run(self, questions: int) -> None:
        began = time.monotonic()
        homes = [asyncio.create_task(replica.run()) for replica in self._replicas]
        weather = [asyncio.create_task(work) for work in (self._shoot(), self._cut(), self._repeat(), self._insist())]
        try:
            await asyncio.wait_for(self._replicas[0].ready.wait(), 60)
            gate = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for number in range(questions):
                    await gate.acquire()
                    group.create_task(self._ask(number, gate))
            self.calm.set()
            await self._until_put_away()
        finally:
            for task in (*weather, *homes):
                task.cancel()
            await asyncio.gather(*weather, *homes, return_exceptions=True)
        self.report.seconds = time.monotonic() - began

    async def _ask(self, number: int, gate: asyncio.Semaphore) -> None:
        writes = number % 4 == 0
        kind = f"scale storm-{number}" if writes else ("look" if number % 4 == 1 else "think")
        text = f"question {number} please {kind}"
        workspace = self.world.workspace
        if number % 3 == 0:
            thread = await workspace.say(OMAR, text, channel=ONCALL, mention=True)
            question = Question(number, ONCALL, thread, writes)
        else:
            question = Question(number, "D0OMAR", await workspace.say(OMAR, text), writes)
        self.asked.append(question)
        try:
            await workspace.wait_for(
                lambda _: finals(self.world, question.channel, question.thread),
                timeout=CALM_WITHIN,
                what=f"an answer to question {number}",
            )
        except TimeoutError:
            self.report.faults.append(f"question {number} has no answer after {CALM_WITHIN:g} s")
        finally:
            gate.release()

    # --- the weather ---

    async def _shoot(self) -> None:
        while not self.calm.is_set():
            await asyncio.sleep(self.rng.uniform(2.0, 8.0))
            alive = [replica for replica in self._replicas if replica.ready.is_set()]
            if len(alive) == len(self._replicas):
                await self.rng.choice(alive).kill()

    async def _cut(self) -> None:
        while not self.calm.is_set():
            await asyncio.sleep(self.rng.uniform(1.0, 4.0))
            self.report.cuts += 1
            if self.rng.random() < 0.3:
                await self.world.workspace.cut_sockets()
                continue
            async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
                )

    async def _repeat(self) -> None:
        """Events come up to three times, whether they were acked or not."""
        times: Counter[str] = Counter()
        while True:
            await asyncio.sleep(self.rng.uniform(0.05, 0.4))
            known = [each.event_id for each in self.world.workspace.deliveries[-30:] if each.event_id]
            fresh = [event_id for event_id in known if times[event_id] < 2]
            if fresh:
                event_id = self.rng.choice(fresh)
                times[event_id] += 1
                self.report.redeliveries += 1
                self.world.workspace.redeliver(event_id)

    async def _insist(self) -> None:
        """Slack gives up after four tries in six minutes; here time is short, so what was given up is sent again."""
        while True:
            await asyncio.sleep(1.0)
            for delivery in self.world.workspace.deliveries:
                if delivery.status == "unacked" and delivery.event_id:
                    self.world.workspace.redeliver(delivery.event_id)

    # --- what became of it ---

    async def _taken_over(self, session_id: str, epoch: int) -> None:
        """Until another process holds the session of one that is paused."""

        async def look() -> bool:
            async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                row = await (
                    await connection.execute("SELECT epoch FROM kubeai_bot.sessions WHERE id = %s", (session_id,))
                ).fetchone()
            return row is None or row[0] > epoch

        await until(look, TERM_SECONDS * 8)

    async def _until_put_away(self) -> None:
        settings = Settings.load_store({"SESSION_TYPE": "postgres", "DATABASE_URL": self._url})
        async with open_store(settings) as store:
            try:
                await until(self._all_put_away, CALM_WITHIN)
            except TimeoutError:
                self.report.faults.append(f"not put away: {await self._open_sessions()}")
            for question in self.asked:
                self.report.faults += await self._faults_of(store, question)
        workspace = self.world.workspace
        self.report.deliveries = sum(len(each.attempts) for each in workspace.deliveries)
        self.report.faults += [f"Slack would have refused: {problem}" for problem in workspace.problems]
        self.report.faults += [fault for replica in self._replicas for fault in replica.failures]

    async def _all_put_away(self) -> bool:
        return not await self._open_sessions()

    async def _open_sessions(self) -> list[tuple[str, ...]]:
        """Sessions with an unread inbox, an open turn or a live lease."""
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            rows = await connection.execute(OPEN_SESSIONS)
            return [tuple(map(str, row)) for row in await rows.fetchall()]

    async def _faults_of(self, store: SessionStore, question: Question) -> list[str]:
        where = f"question {question.number} in {question.channel}/{question.thread}"
        faults: list[str] = []
        workspace = self.world.workspace
        shown = [m for m in workspace.messages(question.channel, question.thread) if m.bot_id and not m.deleted]
        ids = turn_ids(self.world, question.channel, question.thread)
        if len(ids) != 1 or len(shown) != 1:
            faults.append(f"{where}: {len(ids)} final answers, {len(shown)} messages of the bot")
        if any(message.streaming for message in shown):
            faults.append(f"{where}: a stream was left open")
        text = workspace.rendered(question.channel, question.thread)
        if not question.writes and text.count(f"That is the whole answer to question {question.number}.") != 1:
            faults.append(f"{where}: the answer is not there once\n{text}")
        if question.writes:
            sent = [
                each
                for each in self.world.cluster.requests
                if each.method != "GET"
                and each.path.endswith(f"/storm-{question.number}/scale")
                and "dryRun" not in each.query
            ]
            self.report.writes += len(sent)
            if len(sent) > 1:
                faults.append(f"{where}: the change was sent {len(sent)} times")
        faults += await _transcript_faults(store, question, where)
        return faults


OPEN_SESSIONS = (
    "SELECT s.id, s.thread_ts, s.turn FROM kubeai_bot.sessions s"
    " WHERE s.turn <> 'null' OR s.lease_expires_at > clock_timestamp()"
    " OR EXISTS (SELECT 1 FROM kubeai_bot.inbox i WHERE i.session = s.number)"
)


async def _transcript_faults(store: SessionStore, question: Question, where: str) -> list[str]:
    session = await store.find(ThreadRef("T0SHOP", question.channel, question.thread))
    if session is None:
        return [f"{where}: there is no session"]
    messages = [stored.message for stored in (await store.load(session.id)).messages]
    asked = [m for m in messages if m.source is Source.USER and isinstance(m.payload, Text)]
    calls = [call.id for m in messages if isinstance(m.payload, ToolCallRequest) for call in m.payload.calls]
    results = [m.payload.call_id for m in messages if isinstance(m.payload, ToolCallResponse)]
    faults = [] if len(asked) == 1 else [f"{where}: the question is on record {len(asked)} times"]
    if sorted(calls) != sorted(results):
        faults.append(f"{where}: calls {calls} and results {results} do not match")
    return faults


async def _plant(cluster: DemoCluster, questions: int) -> None:
    """A deployment without pods for every question that changes something."""
    async with client_of(cluster, ADMIN_TOKEN) as client:
        for number in range(0, questions, 4):
            labels = {"app": f"storm-{number}"}
            body = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": f"storm-{number}", "namespace": "shop"},
                "spec": {
                    "replicas": 0,
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [{"name": "main", "image": "registry.example/storm:1"}]},
                    },
                },
            }
            response = await Requests(client).send("POST", "/apis/apps/v1/namespaces/shop/deployments", body)
            assert response.status_code == 201, response.text


@asynccontextmanager
async def _open(questions: int, *, http: bool) -> AsyncIterator[tuple[World, list[int]]]:
    options = WorldOptions(mode=Mode.AUTO, model=ScriptedModel(answer), redelivery_delays=(2.0, 1.0, 2.0))
    async with open_world(options) as world:
        await _plant(world.cluster, questions)
        ports = [free_port(), free_port()]
        environment = dict(world.environment)
        if http:
            world.workspace.events_url = [f"http://127.0.0.1:{port}/slack/events" for port in ports]
            environment["SLACK_SIGNING_SECRET"] = world.workspace.signing_secret
            del environment["SLACK_APP_TOKEN"]
        yield replace(world, environment=environment), ports


async def storm(report: Report, database_url: str, folder: Path, death: dict[str, object] | None = None) -> Report:
    """Ask so many questions, and report what was done and every fault that was found. `death`: of the first
    processes."""
    async with _open(report.questions, http=report.transport == HTTP) as (world, ports):
        raging = Storm(world, database_url, report, folder, ports)
        if death:
            raging.doom(death)
        await raging.run(report.questions)
    return report


def fresh_database() -> str:
    """The URL of a new, empty database on the server that the tests share."""
    place = conninfo_to_dict(new_database())
    return f"postgres://{place['user']}@{place['host']}:{place['port']}/{place['dbname']}"


async def main(questions: int, seed: int) -> int:
    failed = False
    with TemporaryDirectory(prefix="kubeai-storm-") as folder:
        for transport in (SOCKET_MODE, HTTP):
            report = await storm(Report(seed, transport, questions // 2), fresh_database(), Path(folder))
            sys.stdout.write("\n".join(report.lines()) + "\n")
            failed = failed or bool(report.faults)
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]))))
