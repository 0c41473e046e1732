"""The pure parts: excerpts of logs, what a revision changed, selectors, and the order of findings."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.diagnose.arguments import Diagnose
from kubeai_bot.tools.kubernetes.diagnose.changes import last_change
from kubeai_bot.tools.kubernetes.diagnose.excerpt import excerpt, telling
from kubeai_bot.tools.kubernetes.diagnose.finding import Finding, Rule, ranked
from kubeai_bot.tools.kubernetes.diagnose.picture import Picture
from kubeai_bot.tools.kubernetes.diagnose.report import DETAILS, report
from kubeai_bot.tools.kubernetes.diagnose.rules import RULES
from kubeai_bot.tools.kubernetes.diagnose.selecting import selects

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def picture(**objects) -> Picture:
    return Picture("shop", NOW, None, None, {getattr(known, key.upper()): tuple(v) for key, v in objects.items()})


def test_of_a_stack_trace_the_head_and_the_cause_stay():
    log = [
        "2026-11-21 INFO starting",
        'Exception in thread "main" java.lang.IllegalStateException: cannot start',
        "\tat shop.Main.run(Main.java:41)",
        "\tat shop.Main.main(Main.java:12)",
        "Caused by: java.net.UnknownHostException: ledger-db",
        "\t... 12 more",
    ]
    assert telling(log, 4) == [log[1], log[4]]


def test_lines_that_differ_in_numbers_only_are_one_with_a_count():
    log = [f"level=error request {n} failed after {n * 7} ms" for n in range(30)] + ["level=info done"]
    assert telling(log, 4) == ["level=error request 29 failed after 203 ms [×30]", "level=info done"]
    assert telling(log, 4, last_words=False) == ["level=error request 29 failed after 203 ms [×30]"]


@given(st.lists(st.text(max_size=400), max_size=60), st.integers(1, 8))
def test_an_excerpt_never_shows_more_lines_than_asked_for(lines, most):
    found = excerpt("web", "web", "\n".join(lines), previous=False)
    shown = telling(found.lines, most)
    assert len(shown) <= most
    assert all(len(line) < 300 and "\n" not in line for line in shown)


def revision(number: int, env: dict[str, str], **container) -> dict:
    return {
        "metadata": {
            "name": f"web-{number}", "uid": f"rs-{number}", "creationTimestamp": "2026-11-21T11:00:00Z",
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [{"uid": "web", "controller": True}],
        },
        "spec": {"template": {"spec": {"containers": [
            {"name": "web", "env": [{"name": k, "value": v} for k, v in env.items()], **container}]}}},
    }  # fmt: skip


def test_a_change_names_fields_with_values_and_variables_without():
    sets = [
        revision(
            10, {"A": "hunter2", "B": "same", "D": "gone"}, image="web:2", resources={"limits": {"memory": "1Gi"}}
        ),
        revision(9, {"A": "hunter1", "B": "same"}, image="web:1"),
        revision(2, {}, image="web:0"),
    ]
    change = last_change(picture(replicasets=sets), known.DEPLOYMENTS, {"metadata": {"uid": "web"}})
    assert change is not None
    assert change.number == 10
    assert change.lines == (
        ".containers[web].env[A]: changed",
        ".containers[web].env[D]: added",
        ".containers[web].image: web:1 → web:2",
        ".containers[web].resources.limits.memory: unset → 1Gi",
    )


def test_one_revision_is_no_change():
    sets = [revision(1, {}, image="web:1")]
    assert last_change(picture(replicasets=sets), known.DEPLOYMENTS, {"metadata": {"uid": "web"}}) is None


def test_selectors_match_as_in_the_api():
    labels = {"app": "web", "tier": "front"}
    yes = [{"key": "tier", "operator": "In", "values": ["front", "back"]}, {"key": "old", "operator": "DoesNotExist"}]
    no = [{"key": "app", "operator": "NotIn", "values": ["web"]}]
    assert selects({"matchLabels": {"app": "web"}, "matchExpressions": yes}, labels)
    assert not selects({"matchLabels": {"app": "web"}, "matchExpressions": no}, labels)
    assert not selects({"matchLabels": {"app": "db"}}, labels)
    assert selects({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, labels)


def test_a_new_rule_takes_part_by_its_score_and_alike_findings_are_counted():
    def strange(_: Picture):
        yield Finding("Pod shop/web-1", "hums", (".spec.tune: a",), group="web")
        yield Finding("Pod shop/web-2", "hums", (".spec.tune: a", ".spec.key: b"), group="web")
        yield Finding("Pod shop/db-0", "hums loudly", adjust=5)

    found = ranked((*RULES, Rule("humming", 99, strange)), picture(pods=[]))
    assert [(one.score, one.finding.about, one.finding.count) for one in found] == [
        (104, "Pod shop/db-0", 1), (99, "Pod shop/web-2", 2),
    ]  # fmt: skip
    text = report(picture(pods=[]), found, DETAILS["normal"])
    assert "2. Pod shop/web-2: hums (and 1 more like it)\n   .spec.tune: a\n   .spec.key: b" in text


@given(st.integers(0, 60), st.sampled_from(sorted(DETAILS)))
def test_a_report_stays_within_its_budget(count, detail):
    def many(_: Picture):
        for number in range(count):
            lines = tuple(f".spec.field[{n}]: {'x' * 200}" for n in range(12))
            yield Finding(f"Pod shop/web-{number}", f"fails in way {number}", lines)

    found = ranked((Rule("many", 90, many),), picture(pods=[]))
    assert len(report(picture(pods=[]), found, DETAILS[detail])) / 3.5 <= DETAILS[detail].tokens + 60


def test_no_rule_stumbles_over_objects_that_say_nothing():
    bare = {"metadata": {"name": "x"}}
    empty = picture(pods=[bare], deployments=[bare], replicasets=[bare], statefulsets=[bare], daemonsets=[bare],
                    jobs=[bare], cronjobs=[bare], nodes=[bare], pod_metrics=[bare])  # fmt: skip
    assert all(one.finding.about for one in ranked(RULES, empty))


def test_kinds_are_understood_by_their_usual_words():
    words = {"deploy": "deployment", "Pods": "pod", "statefulsets.apps": "statefulset", "svc": "service"}
    assert {word: Diagnose(namespace="shop", kind=word, name="web").kind for word in words} == words
    for wrong in ({"kind": "secret", "name": "x"}, {"kind": "pod"}, {"namespace": ""}):
        with pytest.raises(ValidationError):
            Diagnose.model_validate({"namespace": "shop", **wrong})
