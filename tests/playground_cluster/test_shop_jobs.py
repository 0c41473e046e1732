"""Jobs made from a CronJob's template, and CronJobs that are put on hold."""

from __future__ import annotations

from typing import Any

import pytest
from cluster_client import OMAR, Requests, until

_CRON = "/apis/batch/v1/namespaces/shop/cronjobs/nightly-report"
_JOBS = "/apis/batch/v1/namespaces/shop/jobs"
_PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture
def omar(shop_bot: Requests) -> Requests:
    return shop_bot.acting_as(*OMAR)


def _job_from(cron: Any, name: str, **spec: Any) -> Any:
    """What `kubectl create job --from=cronjob/...` sends."""
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": cron["metadata"]["name"], "controller": True}
    metadata = {
        "name": name,
        "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
        "ownerReferences": [{**owner, "uid": cron["metadata"]["uid"]}],
    }
    template = cron["spec"]["jobTemplate"]["spec"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {**template, **spec}}


async def _condition(api: Requests, name: str, kind: str) -> Any:
    """The condition of a Job, once it is there."""

    async def there() -> bool:
        status = (await api.get(f"{_JOBS}/{name}"))["status"]
        return any(one["type"] == kind for one in status.get("conditions", ()))

    await until(there, f"the Job does not become {kind}")
    conditions = (await api.get(f"{_JOBS}/{name}"))["status"]["conditions"]
    return next(one for one in conditions if one["type"] == kind)


async def test_a_job_from_a_cron_job_runs_to_completion(omar: Requests) -> None:
    cron = await omar.get(_CRON)
    await omar.post(_JOBS, _job_from(cron, "by-hand"))

    async def counted() -> bool:
        active = (await omar.get(_CRON))["status"].get("active", ())
        return [one["name"] for one in active] == ["by-hand"]

    await until(counted, "the CronJob does not know its Job")
    complete = await _condition(omar, "by-hand", "Complete")
    assert (complete["status"], complete["reason"]) == ("True", "CompletionsReached")
    job = await omar.get(f"{_JOBS}/by-hand")
    assert (job["status"]["succeeded"], job["spec"]["completions"]) == (1, 1)
    assert job["status"]["completionTime"] >= job["status"]["startTime"]
    (pod,) = (await omar.get(_PODS, labelSelector="job-name=by-hand"))["items"]
    assert pod["status"]["phase"] == "Succeeded"
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    assert 'msg="done" job="by-hand"' in await omar.text(f"{_PODS}/{pod['metadata']['name']}/log")

    async def released() -> bool:
        status = (await omar.get(_CRON))["status"]
        return "active" not in status and status["lastSuccessfulTime"] == job["status"]["completionTime"]

    await until(released, "the CronJob still counts its Job")


async def test_a_suspended_job_waits_and_starts_when_it_is_resumed(omar: Requests) -> None:
    await omar.post(_JOBS, _job_from(await omar.get(_CRON), "held", suspend=True))
    assert (await _condition(omar, "held", "Suspended"))["status"] == "True"
    assert (await omar.get(_PODS, labelSelector="job-name=held"))["items"] == []
    await omar.patch(f"{_JOBS}/held", {"spec": {"suspend": False}})
    assert (await _condition(omar, "held", "Complete"))["status"] == "True"


async def test_a_job_of_an_unknown_image_does_not_get_done(omar: Requests) -> None:
    body = _job_from(await omar.get(_CRON), "broken")
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.shop.example/nightly-report:9.9"
    await omar.post(_JOBS, body)

    async def pulling() -> bool:
        pods = (await omar.get(_PODS, labelSelector="job-name=broken"))["items"]
        waiting = [pod["status"].get("containerStatuses", [{}])[0].get("state", {}).get("waiting") for pod in pods]
        return any(one and one["reason"] == "ImagePullBackOff" for one in waiting)

    await until(pulling, "the pod does not try to pull")
    assert (await omar.get(f"{_JOBS}/broken"))["status"]["active"] == 1


async def test_a_pod_of_a_running_job_that_is_deleted_is_made_again(omar: Requests) -> None:
    body = _job_from(await omar.get(_CRON), "again")
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.shop.example/nightly-report:9.9"
    await omar.post(_JOBS, body)

    async def pods() -> list[str]:
        found = await omar.get(_PODS, labelSelector="job-name=again")
        return [pod["metadata"]["uid"] for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]

    async def made() -> bool:
        return bool(await pods())

    await until(made, "no pod")
    (first,) = await pods()
    await omar.send("DELETE", _PODS, labelSelector="job-name=again")

    async def another() -> bool:
        return bool(await pods()) and first not in await pods()

    await until(another, "no other pod")


async def test_a_cron_job_is_put_on_hold_and_taken_up_again(omar: Requests) -> None:
    assert (await omar.patch(_CRON, {"spec": {"suspend": True}}))["spec"]["suspend"] is True
    assert (await omar.patch(_CRON, {"spec": {"suspend": False}}))["spec"]["suspend"] is False
