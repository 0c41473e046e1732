"""What the rules of section `policy` decide: on resources, never on words; the strictest word counts."""

from datetime import UTC, datetime

import pytest

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.policy import Act, Ask, Effect, Mode, Policy, Refuse, Rule, Run, judge, may_approve

MIA = Identity(Speaker("T", "U0MIA"), "mapping", KubeUser("mia", ("devs",)), datetime(2026, 11, 21, tzinfo=UTC))
OMAR = Identity(Speaker("T", "U0OMAR"), "mapping", KubeUser("omar", ("sre",)), datetime(2026, 11, 21, tzinfo=UTC))
PATCH = Act("prod", "patch", "apps", "deployments", namespace="shop", name="web")
LIST_ALL = Act("prod", "list", "", "pods")
NODE = Act("prod", "patch", "", "nodes", name="n1", namespaced=False)
EXEC = Act("prod", "create", "", "pods", "exec", "shop", "web-1")
MCP = Act("", "call", "mcp", "github", name="merge_pull_request")


def verdict(*rules: Rule, acts=(PATCH,), mode=Mode.AUTO, effect=Effect.WRITE, who=MIA, channel="C1"):
    return judge(effect, acts, Policy(mode, rules), who, channel)


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (Rule("r", never=True), True),
        (Rule("r", clusters=("prod",), never=True), True),
        (Rule("r", clusters=("staging",), never=True), False),
        (Rule("r", clusters=("pro*",), namespaces=("sh?p",), kinds=("deploy*.apps",), never=True), True),
        (Rule("r", namespaces=("payments",), never=True), False),
        (Rule("r", kinds=("deployments",), never=True), False),
        (Rule("r", names=("web",), verbs=("patch", "delete"), never=True), True),
        (Rule("r", names=("api",), never=True), False),
        (Rule("r", verbs=("delete",), never=True), False),
        (Rule("r", channels=("C1",), never=True), True),
        (Rule("r", channels=("C2",), never=True), False),
        (Rule("r", groups=("devs", "ops"), never=True), True),
        (Rule("r", groups=("sre",), never=True), False),
        (Rule("r", users=("U0MIA",), never=True), True),
        (Rule("r", users=("U0OMAR",), never=True), False),
    ],
)
def test_a_rule_counts_where_all_of_its_patterns_match(rule, matches):
    assert isinstance(verdict(rule), Refuse) is matches


def test_never_beats_everything_and_holds_for_reads_too():
    never = Rule("no payments", namespaces=("payments",), never=True)
    auto = Rule("but auto", mode=Mode.AUTO)
    act = Act("prod", "get", "", "pods", namespace="payments", name="api")
    refusal = verdict(auto, never, acts=(act,), effect=Effect.READ)
    assert isinstance(refusal, Refuse)
    assert "'no payments'" in refusal.reason


def test_asking_for_all_namespaces_does_not_pass_a_rule_about_one():
    never = Rule("no payments", namespaces=("payments",), never=True)
    assert isinstance(verdict(never, acts=(LIST_ALL,), effect=Effect.READ), Refuse)


def test_a_rule_about_a_namespace_is_not_about_nodes_but_about_the_namespace_itself():
    never = Rule("no payments", namespaces=("payments",), never=True)
    assert verdict(never, acts=(NODE,)) == Run()
    itself = Act("prod", "delete", "", "namespaces", name="payments", namespaced=False)
    assert isinstance(verdict(never, acts=(itself,)), Refuse)


def test_a_rule_that_loosens_does_not_loosen_what_reaches_beyond_it():
    loose = Rule("dev is free", namespaces=("dev",), mode=Mode.AUTO)
    inside = Act("prod", "patch", "apps", "deployments", namespace="dev", name="web")
    beyond = Act("prod", "deletecollection", "apps", "deployments")
    assert verdict(loose, acts=(inside,), mode=Mode.ALLOW) == Run()
    assert isinstance(verdict(loose, acts=(beyond,), mode=Mode.ALLOW), Ask)
    assert isinstance(verdict(loose, acts=(inside, PATCH), mode=Mode.ALLOW), Ask)


def test_mode_none_is_the_last_word():
    assert isinstance(verdict(Rule("loose", mode=Mode.AUTO), mode=Mode.NONE), Refuse)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((Rule("a", mode=Mode.ALLOW),), Ask()),
        ((Rule("a", mode=Mode.NONE), Rule("b", mode=Mode.AUTO)), Refuse),
        ((Rule("a", ceiling=Mode.ALLOW),), Ask()),
        ((Rule("a", mode=Mode.AUTO), Rule("b", ceiling=Mode.NONE)), Refuse),
        ((Rule("a", always_ask=True),), Ask(bypass=False)),
        ((Rule("a", second_person=True),), Ask((), second_person=True, bypass=False)),
        ((Rule("a", ceiling=Mode.ALLOW, approvers=("group:sre",)),), Ask((("group:sre",),))),
    ],
)
def test_the_strictest_of_the_matching_rules_counts(rules, expected):
    found = verdict(*rules)
    assert isinstance(found, Refuse) if expected is Refuse else found == expected


def test_the_reads_that_a_change_needs_do_not_decide_about_it():
    rule = Rule("reads are free", verbs=("get",), mode=Mode.NONE)
    get = Act("prod", "get", "apps", "deployments", namespace="shop", name="web")
    assert verdict(rule, acts=(get, PATCH)) == Run()


def test_what_runs_inside_a_container_always_waits_and_no_grant_takes_its_place():
    assert verdict(acts=(EXEC,), effect=Effect.SENSITIVE) == Ask(bypass=False)
    assert isinstance(verdict(Rule("no exec", kinds=("pods/exec",), never=True), acts=(EXEC,)), Refuse)


def test_mcp_tools_are_named_like_resources():
    assert verdict(acts=(MCP,)) == Run()
    assert isinstance(verdict(Rule("r", kinds=("github.mcp",), names=("merge*",), never=True), acts=(MCP,)), Refuse)
    assert verdict(Rule("r", kinds=("*.mcp",), always_ask=True), acts=(MCP,)) == Ask(bypass=False)


def test_who_may_approve():
    assert may_approve(Ask(), MIA, MIA, "prod") == ""
    assert "second person" in may_approve(Ask(second_person=True), MIA, MIA, "prod")
    assert may_approve(Ask(second_person=True), MIA, OMAR, "prod") == ""
    both = Ask((("group:sre",), ("U0OMAR", "U0GIL")))
    assert may_approve(both, MIA, OMAR, "prod") == ""
    assert "group:sre" in may_approve(both, MIA, MIA, "prod")


def test_the_groups_of_the_cluster_at_hand_count():
    there = Identity(
        OMAR.speaker, "mapping", KubeUser("omar", ()), OMAR.resolved_at, (("prod", KubeUser("omar", ("sre",))),)
    )
    ask = Ask((("group:sre",),))
    assert may_approve(ask, MIA, there, "prod") == ""
    assert may_approve(ask, MIA, there, "staging")
