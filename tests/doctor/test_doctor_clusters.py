"""The doctor and clusters: reach, credentials, impersonation in both forms, what the bot's own account may do."""

import time
from email.utils import formatdate
from pathlib import Path

import yaml

from kubeai_bot.doctor.finding import Area
from kubeai_bot.playground.cluster.default_roles import rule, subject
from kubeai_bot.playground.cluster.interference import Injected, fail, path_contains
from kubeai_bot.playground.cluster.objects import Obj
from kubeai_bot.playground.cluster.status import ApiError

ROLE = ("rbac.authorization.k8s.io", "clusterroles")
BINDING = ("rbac.authorization.k8s.io", "clusterrolebindings")
BOT = subject("ServiceAccount", "kubeai-bot", "kubeai")
PREFIX = "impersonate-on:user-info:"
SHARED = {"AUTH_METHOD": "NONE", "CONFIG_FILE": ""}


def give_the_bot(doctor, rules: list[Obj]) -> None:
    """These rights in the place of those that the demo's bot has."""
    store = doctor.world.cluster.state.store
    store.replace(ROLE, {**store.get(ROLE, "", "kubeai-bot-impersonator"), "rules": rules})


def plain(users: list[str] | None, groups: list[str] | None) -> list[Obj]:
    return [rule([""], ["users"], ["impersonate"], users), rule([""], ["groups"], ["impersonate"], groups)]


def constrained(*verbs: str) -> list[Obj]:
    group = "authentication.k8s.io"
    return [
        rule([group], ["users"], ["impersonate:user-info"], ["kubeai-shared"]),
        rule([group], ["groups"], ["impersonate:user-info"], ["kubeai-readers"]),
        rule(["authorization.k8s.io"], ["selfsubjectaccessreviews"], [f"{PREFIX}create"]),
        *([rule([""], ["pods"], [PREFIX + verb for verb in verbs])] if verbs else []),
    ]


async def test_nobody_can_be_impersonated_without_the_right_and_the_bot_does_not_start(doctor) -> None:
    give_the_bot(doctor, [])
    visit = await doctor.visit(Area.CLUSTERS, init=True)
    found = visit.named("clusters.demo.impersonation")
    assert (visit.code, visit.wrong) == (1, {"clusters.demo.impersonation"})
    assert "user mia@shop.example, user omar@shop.example, group shop-developers" in found["says"]
    assert "--verb=impersonate --resource=users,groups --resource-name=mia@shop.example" in found["fix"]


async def test_one_person_who_cannot_be_impersonated_keeps_nobody_else_from_being_served(doctor) -> None:
    give_the_bot(doctor, plain(["mia@shop.example", "omar@shop.example"], ["shop-developers"]))
    visit = await doctor.visit(Area.CLUSTERS)
    assert visit.wrong == {"clusters.demo.impersonation"}
    found = visit.named("clusters.demo.impersonation")
    assert found["says"].endswith("1 identity of 2: it may not impersonate group platform-engineers")
    assert (await doctor.visit(Area.CLUSTERS, init=True)).code == 0


async def test_the_shared_identity_is_tried_and_what_it_sees(doctor) -> None:
    visit = await doctor.visit(Area.CLUSTERS, **SHARED)
    assert visit.code == 0
    assert visit.named("clusters.demo.sight")["says"] == "1 identity may list pods in all namespaces"


async def test_an_identity_that_sees_nothing_is_a_warning_with_the_binding_it_needs(doctor) -> None:
    doctor.world.cluster.state.store.delete(BINDING, "", "kubeai-readers-view")
    found = (await doctor.visit(Area.CLUSTERS, **SHARED)).named("clusters.demo.sight")
    assert found["result"] == "warning"
    assert "kubectl create clusterrolebinding kubeai-view --clusterrole=view --group=kubeai-readers" in found["fix"]


async def test_constrained_impersonation_is_enough(doctor) -> None:
    give_the_bot(doctor, constrained("get", "list", "watch"))
    visit = await doctor.visit(Area.CLUSTERS, **SHARED)
    assert (visit.code, visit.report["result"]) == (0, "ok")
    assert visit.named("clusters.demo.impersonation")["result"] == "ok"


async def test_constrained_impersonation_that_may_not_read_is_a_fault(doctor) -> None:
    give_the_bot(doctor, constrained())
    visit = await doctor.visit(Area.CLUSTERS, **SHARED)
    assert visit.wrong == {"clusters.demo.constraint"}
    assert f"{PREFIX}get" in visit.named("clusters.demo.constraint")["fix"]


async def test_both_forms_of_impersonation_undo_the_constraint(doctor) -> None:
    give_the_bot(doctor, [*constrained("list"), *plain(["kubeai-shared"], ["kubeai-readers"])])
    found = (await doctor.visit(Area.CLUSTERS, **SHARED)).named("clusters.demo.constraint")
    assert (found["result"], found["says"]) == ("warning", "the bot's account has both forms of impersonation")


async def test_an_account_that_may_be_anybody_or_read_secrets_is_a_warning(doctor) -> None:
    give_the_bot(doctor, [*plain(None, None), rule([""], ["secrets"], ["get", "list"])])
    visit = await doctor.visit(Area.CLUSTERS)
    assert visit.code == 0
    assert (
        visit.named("clusters.demo.constraint")["says"]
        == "the bot's account may impersonate any of the users and groups"
    )
    assert "may get, list Secrets" in visit.named("clusters.demo.secrets")["says"]


async def test_a_cluster_that_is_down_is_an_outage_and_its_neighbour_is_looked_at(doctor, tmp_path: Path) -> None:
    config = yaml.safe_load(doctor.world.cluster.kubeconfig())
    config["clusters"].append({"name": "gone", "cluster": {"server": "http://127.0.0.1:9"}})
    config["contexts"].append({"name": "gone", "context": {"cluster": "gone", "user": "demo"}})
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    visit = await doctor.visit(Area.CLUSTERS, KUBECONFIG=str(path), KUBE_CONTEXTS="gone,demo")
    assert visit.wrong == {"clusters.gone.reached"}
    assert "kubectl --context gone version" in visit.named("clusters.gone.reached")["fix"]
    assert visit.named("clusters.demo.impersonation")["result"] == "ok"


async def test_a_wrong_token_and_a_missing_context_are_faults(doctor, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(doctor.world.cluster.kubeconfig(token="an-old-token-of-the-bot"), encoding="utf-8")
    doctor.secrets.add("an-old-token-of-the-bot")
    visit = await doctor.visit(Area.CLUSTERS, init=True, KUBECONFIG=str(path))
    assert (visit.code, visit.wrong) == (1, {"clusters.demo.reached"})
    visit = await doctor.visit(Area.CLUSTERS, KUBE_CONTEXTS="prod")
    assert visit.wrong == {"clusters.kubeconfig"}
    assert "get-contexts" in visit.named("clusters.kubeconfig")["fix"]


async def test_an_api_server_that_stumbles_once_is_asked_again_before_a_start(doctor) -> None:
    error = ApiError(503, "ServiceUnavailable", "etcd is away")
    doctor.world.cluster.on_request.append(fail(path_contains("/version"), error))
    visit = await doctor.visit(Area.CLUSTERS, init=True, pauses=(0.01,))
    assert visit.named("clusters.demo.reached")["result"] == "ok"


async def test_a_cluster_without_metrics_is_a_warning(doctor) -> None:
    doctor.world.cluster.state.metrics = False
    found = (await doctor.visit(Area.CLUSTERS)).named("clusters.demo.metrics")
    assert found["result"] == "warning"
    assert "metrics-server" in found["fix"]


async def test_a_clock_that_differs_from_the_api_servers_is_found(doctor) -> None:
    async def yesterday(request) -> Injected | None:
        date = formatdate(time.time() - 86_400, usegmt=True)
        return Injected(200, {"gitVersion": "v1.36.2"}, {"Date": date}) if request.path == "/version" else None

    doctor.world.cluster.on_request.append(yesterday)
    found = (await doctor.visit(Area.CLUSTERS)).named("clusters.demo.clock")
    assert found["result"] == "fault"
    assert "86400 s ahead of that of cluster demo" in found["says"].replace("86401", "86400")


async def test_nothing_is_changed_and_nothing_but_questions_is_asked(doctor) -> None:
    await doctor.visit(Area.CLUSTERS)
    asked = {(each.method, each.path.rpartition("/")[2]) for each in doctor.world.cluster.requests}
    assert {method for method, _ in asked} <= {"GET", "POST"}
    assert {path for method, path in asked if method == "POST"} == {"selfsubjectaccessreviews"}


async def test_without_impersonation_the_kubeconfigs_own_user_is_asked(doctor) -> None:
    own = {**SHARED, "IMPERSONATE": "false", "ALLOWED_USERS": "U0MIA"}
    visit = await doctor.visit(Area.CLUSTERS, **own)
    found = visit.named("clusters.demo.sight")
    assert (found["result"], found["says"]) == (
        "warning",
        "the kubeconfig's own user may not list pods in all namespaces",
    )
    give_the_bot(doctor, [rule([""], ["pods"], ["list"])])
    assert (await doctor.visit(Area.CLUSTERS, **own)).named("clusters.demo.sight")["result"] == "ok"
