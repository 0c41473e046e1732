"""Large results beside their session: kept under a lease, read back exactly, and gone with the session."""

from __future__ import annotations

import pytest

from kubeai_bot.domain.storage import Claim, KeptResult, Retention
from kubeai_bot.errors import LeaseLost
from tests.stores.conftest import AS_MIA, NOON

ODD = "first\nwith NUL \x00, a lone surrogate \ud800, and ümläuts\n" + "line of a log\n" * 5_000


def result(handle: str = "r-1a2b3c4d", text: str = ODD) -> KeptResult:
    return KeptResult(handle, "Logs of shop/web", text, AS_MIA, NOON)


async def held(store, make):
    receipt = await store.receive(make.incoming(make.thread()), Claim("a", 30))
    return receipt.session_id, receipt.lease


async def test_a_result_is_read_back_as_it_was_kept(store, make):
    session_id, lease = await held(store, make)
    await store.keep_result(lease, result())
    assert await store.kept_result(session_id, "r-1a2b3c4d") == result()
    assert await store.kept_result(session_id, "r-ffffffff") is None
    assert await store.kept_result("0" * 24, "r-1a2b3c4d") is None


async def test_the_same_handle_again_changes_nothing(store, make):
    session_id, lease = await held(store, make)
    await store.keep_result(lease, result())
    await store.keep_result(lease, result(text="another"))
    assert (await store.kept_result(session_id, "r-1a2b3c4d")).text == ODD


async def test_who_has_lost_the_lease_keeps_nothing(store, make):
    session_id, lease = await held(store, make)
    await store.release(lease)
    await store.lease(session_id, "b", 30)
    with pytest.raises(LeaseLost):
        await store.keep_result(lease, result())
    assert await store.kept_result(session_id, "r-1a2b3c4d") is None


async def test_a_handle_of_another_session_or_a_path_finds_nothing(store, make):
    first, lease = await held(store, make)
    other, _ = await held(store, make)
    await store.keep_result(lease, result())
    assert await store.kept_result(other, "r-1a2b3c4d") is None
    for handle in (f"../{first}/result-r-1a2b3c4d", "", "r-", "r-1a2b3c4d/..", "%"):
        assert await store.kept_result(other, handle) is None


@pytest.mark.parametrize("way", ["delete", "forget", "prune"])
async def test_every_deletion_takes_the_results_along(store, make, backend, way):
    session_id, lease = await held(store, make)
    await store.keep_result(lease, result())
    tail = await store.load(session_id)
    await store.append(lease, tail.session.last_seq, "read", consume=[item.id for item in tail.inbox])
    if way == "forget":
        assert await store.forget(lease)
    else:
        await store.release(lease)
        if way == "delete":
            assert await store.delete(session_id)
        else:
            await backend.advance(100)
            await store.prune(Retention(ttl=50))
    assert await store.kept_result(session_id, "r-1a2b3c4d") is None
    assert (await store.usage()).sessions == 0


async def test_results_move_with_their_session(store, make):
    session_id, lease = await held(store, make)
    await store.keep_result(lease, result())
    await store.keep_result(lease, result("r-00000000", "short"))
    await store.release(lease)
    dump = await store.dump(session_id)
    assert {each.handle: each.text for each in dump.results} == {"r-1a2b3c4d": ODD, "r-00000000": "short"}
    await store.delete(session_id)
    assert await store.restore(dump)
    assert await store.kept_result(session_id, "r-1a2b3c4d") == result()
