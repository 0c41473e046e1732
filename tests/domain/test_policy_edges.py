"""Rules must not be passed by another way to the same object, or by another workspace of the same person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.policy import Act, Ask, Effect, Mode, Policy, Refuse, Rule, Run, judge, may_approve

MIA = Identity(Speaker("T0SHOP", "U0MIA"), "mapping", KubeUser("mia@shop.example", ("staff",)), datetime.now(UTC))
SCALE = Act("demo", "patch", "apps", "deployments", "scale", "shop", "web")


def verdict(rule: Rule, act: Act = SCALE, mode: Mode = Mode.AUTO) -> object:
    return judge(Effect.WRITE, [act], Policy(mode, (rule,)), MIA)


def test_a_rule_about_a_kind_also_holds_for_its_subresources() -> None:
    assert isinstance(verdict(Rule("no", kinds=("deployments.apps",), never=True)), Refuse)
    asked = verdict(Rule("two", kinds=("deployments.apps",), second_person=True))
    assert isinstance(asked, Ask)
    assert asked.second_person
    assert verdict(Rule("pods", kinds=("pods",), never=True)) == Run()


def test_a_rule_about_a_subresource_is_not_about_the_object() -> None:
    act = replace(SCALE, subresource="")
    assert verdict(Rule("no", kinds=("deployments.apps/scale",), never=True), act) == Run()


def test_a_rule_that_loosens_a_kind_does_not_loosen_its_subresources() -> None:
    assert isinstance(verdict(Rule("go", kinds=("deployments.apps",), mode=Mode.AUTO), mode=Mode.ALLOW), Ask)
    assert verdict(Rule("go", kinds=("deployments.apps/scale",), mode=Mode.AUTO), mode=Mode.ALLOW) == Run()


def test_the_same_person_in_another_workspace_is_no_second_person() -> None:
    elsewhere = replace(MIA, speaker=Speaker("T0OTHER", "U0MIA"))
    assert "second person" in may_approve(Ask(second_person=True), MIA, elsewhere, "demo")
