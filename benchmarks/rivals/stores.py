"""The other systems' session stores, each with one turn: load the history, append four messages, update the state.

Runs in an environment of its own (requirements.txt beside this file): `stores.py STORE URL`, started by
benchmarks/sessions.py, which says on standard input what to do and reads a line of JSON for each order.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
import warnings
from collections.abc import Sequence
from typing import Any

CALL, RESULT, ANSWER, QUESTION = "c" * 300, "r" * 4000, "a" * 1000, "why does checkout fail?"


class Adk:
    """Google ADK: DatabaseSessionService."""

    def __init__(self, url: str) -> None:
        from google.adk.sessions import DatabaseSessionService

        self._service = DatabaseSessionService(db_url=url, pool_size=20, max_overflow=60)

    async def create(self, name: str) -> None:
        await self._service.create_session(app_name="bench", user_id="u", session_id=name)

    async def fill(self, name: str, count: int) -> None:
        session = await self._service.get_session(app_name="bench", user_id="u", session_id=name)
        for _ in range(count // 4):
            for event in self._events():
                await self._service.append_event(session, event)

    async def turn(self, name: str) -> None:
        session = await self._service.get_session(app_name="bench", user_id="u", session_id=name)
        for event in self._events():
            await self._service.append_event(session, event)

    @staticmethod
    def _events() -> list[Any]:
        from google.adk.events import Event, EventActions
        from google.genai import types

        call = types.FunctionCall(id="1", name="look", args={"what": CALL})
        response = types.FunctionResponse(id="1", name="look", response={"result": RESULT})
        turn = uuid.uuid4().hex
        state = EventActions(state_delta={"agent_state": turn})

        def event(author: str, part: Any, **more: Any) -> Any:
            content = types.Content(role="user" if author == "user" else "model", parts=[part])
            return Event(author=author, content=content, invocation_id=turn, **more)

        return [
            event("user", types.Part(text=QUESTION)),
            event("agent", types.Part(function_call=call)),
            event("agent", types.Part(function_response=response)),
            event("agent", types.Part(text=ANSWER), actions=state),
        ]

    async def aclose(self) -> None:
        await self._service.db_engine.dispose()


class OpenAIAgents:
    """OpenAI Agents SDK: SQLAlchemySession. It keeps no state beside the items."""

    def __init__(self, url: str) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine

        self._engine = create_async_engine(url, pool_size=20, max_overflow=60)
        self._made = False

    def _session(self, name: str) -> Any:
        from agents.extensions.memory import SQLAlchemySession

        return SQLAlchemySession(name, engine=self._engine, create_tables=not self._made)

    async def create(self, name: str) -> None:
        await self._session(name).get_items()
        self._made = True

    async def fill(self, name: str, count: int) -> None:
        for _ in range(count // 4):
            await self._session(name).add_items(self._items())

    async def turn(self, name: str) -> None:
        session = self._session(name)
        await session.get_items()
        await session.add_items(self._items())

    @staticmethod
    def _items() -> list[Any]:
        return [
            {"role": "user", "content": QUESTION},
            {"type": "function_call", "call_id": "1", "name": "look", "arguments": json.dumps({"what": CALL})},
            {"type": "function_call_output", "call_id": "1", "output": RESULT},
            {"role": "assistant", "content": ANSWER},
        ]

    async def aclose(self) -> None:
        await self._engine.dispose()


class LangGraph:
    """LangGraph: AsyncPostgresSaver, one checkpoint a turn with all messages in one channel."""

    def __init__(self, url: str) -> None:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
        from psycopg.rows import dict_row
        from psycopg_pool import AsyncConnectionPool

        options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        self._pool = AsyncConnectionPool(url.replace("+psycopg", ""), max_size=80, open=False, kwargs=options)
        self._saver_type = AsyncPostgresSaver
        self._saver: Any = None

    async def create(self, name: str) -> None:
        if self._saver is None:
            await self._pool.open()
            self._saver = self._saver_type(self._pool)
            await self._saver.setup()
        await self._put(name, {"configurable": {"thread_id": name, "checkpoint_ns": ""}}, [])

    async def fill(self, name: str, count: int) -> None:
        found = await self._saver.aget_tuple({"configurable": {"thread_id": name}})
        messages = found.checkpoint["channel_values"]["messages"]
        await self._put(name, found.config, [*messages, *(self._messages() * (count // 4))])

    async def turn(self, name: str) -> None:
        found = await self._saver.aget_tuple({"configurable": {"thread_id": name}})
        messages = found.checkpoint["channel_values"]["messages"]
        await self._put(name, found.config, [*messages, *self._messages()])

    async def _put(self, _name: str, config: Any, messages: list[Any]) -> None:
        from langgraph.checkpoint.base import empty_checkpoint

        version = f"{time.time_ns()}"
        checkpoint = {
            **empty_checkpoint(),
            "channel_values": {"messages": messages, "agent_state": version},
            "channel_versions": {"messages": version, "agent_state": version},
        }
        versions = {"messages": version, "agent_state": version}
        await self._saver.aput(config, checkpoint, {"source": "loop", "step": 1, "parents": {}}, versions)

    @staticmethod
    def _messages() -> list[Any]:
        from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

        call = {"id": "1", "name": "look", "args": {"what": CALL}}
        return [
            HumanMessage(QUESTION),
            AIMessage("", tool_calls=[call]),
            ToolMessage(RESULT, tool_call_id="1"),
            AIMessage(ANSWER),
        ]

    async def aclose(self) -> None:
        await self._pool.close()


KINDS = {"Google ADK": Adk, "OpenAI Agents SDK": OpenAIAgents, "LangGraph saver": LangGraph}


async def together(store: Any, names: Sequence[str], rounds: int) -> float:
    """Turns a second over all sessions at once."""

    async def work(name: str) -> None:
        for _ in range(rounds):
            await store.turn(name)

    began = time.perf_counter()
    await asyncio.gather(*(work(name) for name in names))
    return len(names) * rounds / (time.perf_counter() - began)


async def obey(store: Any, order: dict[str, Any]) -> Any:
    """What one line of standard input asks for, and what comes of it."""
    match order:
        case {"grow": name, "to": length, "from": 0}:
            await store.create(name)
            await store.fill(name, length)
        case {"grow": name, "to": length, "from": present}:
            await store.fill(name, length - present)
        case {"turns": name, "rounds": rounds}:
            took: list[float] = []
            for _ in range(rounds):
                began = time.perf_counter()
                await store.turn(name)
                took.append((time.perf_counter() - began) * 1000)
            return took
        case {"together": names, "rounds": rounds}:
            return await together(store, names, rounds)
        case _:
            raise ValueError(f"unknown order: {order}")
    return None


async def main(kind: str, url: str) -> None:
    warnings.simplefilter("ignore")
    store = KINDS[kind](url)
    try:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(await obey(store, json.loads(line))) + "\n")
            sys.stdout.flush()
    finally:
        await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
