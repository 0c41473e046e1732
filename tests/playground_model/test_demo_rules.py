"""The demo model's rules over made-up results: no name comes from anywhere else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.playground.model.demo import reply_to
from kubeai_bot.playground.model.question import Asked, read_question, understand
from kubeai_bot.playground.model.replies import Call, Say, parts_of
from kubeai_bot.playground.model.tables import missing_right, read_table
from kubeai_bot.playground.model.wire import fault_in
from kubeai_bot.playground.model.wishes import Wish
from tests.playground_model.canned import NAMES, Talk, offered

PODS = """\
NAMESPACE  NAME                    READY  STATUS                      RESTARTS        AGE
zoo        tiger-6d5f8c7b9-abcde   0/1    CreateContainerConfigError  0               5m
zoo        lion-6d5f8c7b9-fghij    1/1    Running                     0               5m
zoo        zebra-6d5f8c7b9-klmno   1/1    Running                     9 (3m ago)      5h
zoo        newborn-6d5f8c7b9-xxxxx 0/1    ContainerCreating           0               20s
[12 more: continue=abc]"""
FORBIDDEN = (
    'Forbidden: ann (keepers) lacks this right in cluster c: {kind} is forbidden: User "ann" cannot list resource '
    '"{kind}" in API group "" {where}'
)


def zoo(tool: str, arguments: Mapping[str, Any]) -> str:
    match tool, arguments.get("kind"):
        case "list_resources", "pods":
            return PODS
        case "list_resources", _:
            return "There are no deployments in the whole cluster."
        case "describe_resource", _:
            return (
                f"Pod zoo/{arguments['name']} (v1)\nrunner: registry/x:1\n"
                '  STATE: waiting CreateContainerConfigError (secret "cage" not found)\n'
                'Events (newest last):\n  5s  Warning  Failed  Error: secret "cage" not found (×9 in 5m)'
            )
        case _:
            return "No lines."


def test_unknown_ways_to_fail_are_quoted_and_not_explained() -> None:
    answer = Talk(zoo).ask("What is unhealthy?")
    assert "`zoo/tiger-6d5f8c7b9-abcde`" in answer
    assert 'secret "cage" not found' in answer
    assert "`zoo/zebra-6d5f8c7b9-klmno`" in answer
    assert "lion" not in answer
    assert "newborn" not in answer
    assert "The list of pods is not complete: 12 more" in answer


def test_suspects_are_looked_at_side_by_side() -> None:
    talk = Talk(zoo)
    talk.ask("What is unhealthy?")
    assert talk.widest == 4
    assert {call.tool for call in talk.calls} == {"list_resources", "describe_resource", "get_logs"}


def test_no_more_than_seven_workloads_are_looked_at_and_the_rest_is_named() -> None:
    rows = [f"p{n:02}-x  0/1  Error  1  5h" for n in range(40)]
    table = "\n".join(["NAME   READY  STATUS  RESTARTS  AGE", *rows])
    talk = Talk(lambda _tool, arguments: table if arguments.get("kind") == "pods" else "No.")
    answer = talk.ask("what is wrong in big?")
    assert "**40 workloads are unhealthy**" in answer
    assert sum(call.tool == "describe_resource" for call in talk.calls) == 7
    assert "Not looked at more closely: `big/p07-x`" in answer


def test_without_the_right_to_look_everywhere_the_namespaces_of_the_thread_are_tried() -> None:
    def answering(tool: str, arguments: Mapping[str, Any]) -> str:
        place = arguments.get("namespace")
        if place == "zoo":
            return zoo(tool, arguments).replace("zoo        ", "").replace("NAMESPACE  ", "")
        where = f'in the namespace "{place}"' if place else "at the cluster scope"
        return FORBIDDEN.format(kind=arguments.get("kind"), where=where)

    talk = Talk(answering)
    assert "name one" in talk.ask("What is unhealthy?")
    assert "Forbidden" in talk.ask("What is wrong in farm?")
    assert "`zoo/tiger" in talk.ask("What is wrong in zoo?")
    answer = talk.ask("What is unhealthy in my cluster?")
    assert "`zoo/tiger" in answer
    assert "farm" not in answer
    assert "missing: `list pods` cluster-wide" in answer
    assert "namespaces named in this thread" in answer


def test_without_the_right_to_all_usage_the_namespaces_of_the_thread_are_tried() -> None:
    def keeper(tool: str, arguments: Mapping[str, Any]) -> str:
        if tool != "top":
            return zoo(tool, arguments)
        if arguments.get("namespace") == "zoo":
            return "POD    CPU  MEMORY\ntiger  1m   7Mi"
        return FORBIDDEN.format(kind="pods", where="at the cluster scope")

    asked = Talk(keeper)
    asked.ask("What is unhealthy in zoo?")
    answer = asked.ask("Which pods use the most memory?")
    assert "`list pods` cluster-wide" in answer
    assert "So I looked only at the namespaces named in this thread" in answer
    assert "Usage of pods in `zoo`, highest first" in answer
    assert "tiger  1m   7Mi" in answer


def test_one_thing_is_not_counted_in_the_plural() -> None:
    def single(_tool: str, _arguments: Mapping[str, Any]) -> str:
        return "NAME  DATA  AGE\ncage  3     8d"

    assert "1 configmap in `zoo`:" in Talk(single).ask("list the configmaps in zoo")


def test_parts_that_are_forbidden_or_gone_are_named_and_the_rest_is_told() -> None:
    def answering(tool: str, arguments: Mapping[str, Any]) -> str:
        if tool == "get_logs":
            return (
                'Forbidden: ann lacks this right: pods "zebra" is forbidden: User "ann" cannot get resource "pods/log"'
                ' in API group "" in the namespace "zoo"'
            )
        if tool == "describe_resource" and "tiger" in arguments["name"]:
            return "There is no Pod tiger-6d5f8c7b9-abcde in namespace zoo (cluster c)."
        return zoo(tool, arguments)

    answer = Talk(answering).ask("What is unhealthy?")
    assert "I could not describe it: There is no Pod tiger" in answer
    assert "I may not read its logs: `get pods/log` in namespace `zoo` is missing" in answer
    assert "CreateContainerConfigError" in answer


def test_without_tools_it_says_that_it_has_not_looked() -> None:
    talk = Talk(zoo, without=tuple(NAMES))
    for question in ("What is unhealthy?", "logs of tiger", "who am I?", "list clusters", "top pods", "scale x to 3"):
        assert "no tool" in talk.ask(question), question
    assert talk.calls == []


def test_a_correction_on_the_way_changes_where_it_looks() -> None:
    talk = Talk(zoo)
    body = {
        "messages": [
            {"role": "user", "content": "What is unhealthy?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "a", "function": {"name": "list_resources", "arguments": '{"kind": "pods"}'}}],
            },
            {"role": "tool", "tool_call_id": "a", "content": PODS},
            {"role": "user", "content": "only in farm please"},
        ],
        "tools": offered(),
    }
    calls = [part for part in parts_of(reply_to(body)) if isinstance(part, Call)]
    assert {call.arguments["namespace"] for call in calls if isinstance(call.arguments, Mapping)} == {"farm"}
    assert talk.calls == []


def test_notes_from_the_bot_are_not_taken_for_questions() -> None:
    note = "(Note from the bot, not from the person:) this turn ended early. The person was told: scale x to 3"
    for said in (f"hello\n\n{note}\n\nwho am I?", f"{note}\n\nwho am I?", f"who am I?\n\n{note}"):
        (call,) = parts_of(reply_to({"messages": [{"role": "user", "content": said}], "tools": offered()}))
        assert isinstance(call, Call)
        assert call.tool == "whoami"


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("What is unhealthy in my cluster?", Asked("unhealthy")),
        ("<@U0KUBEAI> what's broken in the *shop* namespace?", Asked("unhealthy", namespaces=("shop",))),
        ("what fails in shop, payments and kube-system?", Asked("unhealthy", (), ("shop", "payments", "kube-system"))),
        ("Why does the checkout pod in shop keep crashing?", Asked("why", ("checkout",), ("shop",), "pods")),
        ("Is search-7d9f-xyz ready?", Asked("why", ("search-7d9f-xyz",))),
        ("show the last logs of `shop/search`", Asked("logs", ("search",), ("shop",))),
        ("what pods run in payments", Asked("list", (), ("payments",), "pods")),
        (
            "scale deployment cart to 5 -n shop",
            Asked("scale", ("cart",), ("shop",), "deployments", 5, wish=Wish("scale")),
        ),
        ("who am I and what may I do?", Asked("rights", verb="do")),
        ("can I delete pods in shop?", Asked("rights", (), ("shop",), "pods", verb="delete")),
        ("which pods use the most memory?", Asked("top", kind="pods")),
        ("show me the database password", Asked("list", ("database", "password"), kind="secrets")),
        ("what changed in cart recently?", Asked("rollout", (), ("cart",))),
        ("restart checkout please", Asked("change", ("checkout",), wish=Wish("restart"))),
        ("how are the nodes doing?", Asked("list", kind="nodes")),
        ("how are you doing?", Asked("help")),
        ("thanks!", Asked("help")),
    ],
)
def test_a_question_is_read_by_its_words(question: str, asked: Asked) -> None:
    assert read_question(question) == asked


@pytest.mark.parametrize(
    ("questions", "intent", "names", "namespaces"),
    [
        (["why is cart failing?", "and its logs?"], "logs", ("cart",), ()),
        (["what is wrong in shop?", "and in payments?"], "unhealthy", (), ("payments",)),
        (["what is wrong in shop?", "what about payments?"], "unhealthy", (), ("payments",)),
        (["why is cart failing in shop?", "what about search?"], "why", ("search",), ("shop",)),
        (["why is cart failing?", "thanks", "is it ready now?"], "why", ("cart",), ()),
        (["hello", "and its logs?"], "logs", (), ()),
        (["restart cart", "and search?"], "change", ("search",), ()),
        (["drain node w-1", "exec ls in frontend"], "help", ("exec", "ls"), ("frontend",)),
        (["drain node w-1", "thanks, that was all"], "help", (), ()),
    ],
)
def test_a_follow_up_takes_what_it_leaves_out_from_before(
    questions: list[str], intent: str, names: tuple[str, ...], namespaces: tuple[str, ...]
) -> None:
    asked = understand(questions)
    assert (asked.intent, asked.names, asked.namespaces) == (intent, names, namespaces)


@pytest.mark.parametrize("word", ["a", "a-", "replica ", "in a and ", "-n ", "x namespace "])
def test_a_question_as_long_as_a_message_can_be_is_read_in_no_time(word: str) -> None:
    started = time.process_time()
    read_question((word * 40_000)[:40_000])
    assert time.process_time() - started < 2


def test_a_table_is_read_by_the_places_of_its_columns() -> None:
    rows = read_table(
        "[a remark]\nNAME   LAST SEEN  OF LIMIT\na b    3m         \nc                 5%\n\nNAME  X\nd     1"
    )
    assert rows == [
        {"NAME": "a b", "LAST SEEN": "3m", "OF LIMIT": ""},
        {"NAME": "c", "LAST SEEN": "", "OF LIMIT": "5%"},
    ]


def test_a_missing_right_is_named() -> None:
    right = missing_right(
        'x is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "n"'
    )
    assert str(right) == "`get pods/log` in namespace `n`"


ODD_TEXTS = ["", "[x]", "NAME  READY", "NAME  STATUS\nx", "== a/b (x)\nfatal: y", "Scaled.", "No: never."]
TEXTS = st.one_of(
    st.text(max_size=200),
    st.sampled_from([PODS, FORBIDDEN, zoo("describe_resource", {"name": "x"}), *ODD_TEXTS]),
    st.lists(st.sampled_from(PODS.splitlines()), max_size=6).map("\n".join),
)
KNOWN_QUESTIONS = """\
what is unhealthy?
why is tiger failing in zoo?
logs of tiger
and its logs?
scale x to 3
top
rollout of x
who am i
list clusters
what services run in zoo
restart x
can i get pods
what changed in zoo"""
QUESTIONS = st.one_of(st.sampled_from(KNOWN_QUESTIONS.splitlines()), st.text(max_size=60))


@given(st.lists(QUESTIONS, min_size=1, max_size=3), st.data())
def test_whatever_the_tools_say_there_is_an_answer(questions: list[str], data: st.DataObject) -> None:
    talk = Talk(lambda _tool, _arguments: data.draw(TEXTS))
    for question in questions:
        assert talk.ask(question).strip()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just("what is unhealthy?"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "function", "name", "arguments", "parameters"]), inner, max_size=4)
    ),
    max_leaves=8,
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system"]) | ANYTHING},
    optional={"content": ANYTHING, "tool_calls": ANYTHING, "tool_call_id": ANYTHING},
)
TOOLS = st.sampled_from(offered()) | st.fixed_dictionaries({"function": ANYTHING}) | ANYTHING


@given(st.lists(MESSAGES, min_size=1, max_size=5) | ANYTHING, st.lists(TOOLS, max_size=3) | ANYTHING)
def test_whatever_the_request_there_is_a_refusal_or_a_reply(messages: Any, tools: Any) -> None:
    body = {"messages": messages, "tools": tools}
    assert isinstance(fault_in(body), str | None)
    assert all(isinstance(part, Say | Call) for part in parts_of(reply_to(body)))
