"""The last step of a hold: on record, and the lease given back with it."""

import pytest

from kubeai_bot.domain.session import AgentState
from kubeai_bot.domain.storage import Claim, SessionChange
from kubeai_bot.errors import LeaseLost, SequenceConflict
from kubeai_bot.interfaces import SessionStore
from tests.stores.conftest import Make


async def test_a_close_is_on_record_and_frees_the_session(store: SessionStore, make: Make) -> None:
    thread = make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    assert receipt.lease is not None
    assert receipt.tail is not None
    read = [item.id for item in receipt.tail.inbox]
    change = SessionChange(agent_state=AgentState.DONE)
    assert await store.close(receipt.lease, 0, make.step(), [make.message("done")], read, change)
    tail = await store.load(receipt.lease.session_id)
    assert [stored.seq for stored in tail.messages] == [1]
    assert tail.session.agent_state is AgentState.DONE
    assert not tail.inbox
    following = await store.receive(make.incoming(thread), Claim("b", 30))
    assert following.lease is not None
    assert following.lease.epoch > receipt.lease.epoch


async def test_a_session_in_which_something_unread_waits_is_kept(store: SessionStore, make: Make) -> None:
    thread = make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    await store.receive(make.incoming(thread, "one more thing"))
    assert receipt.lease is not None
    assert receipt.tail is not None
    read = [item.id for item in receipt.tail.inbox]
    assert not await store.close(receipt.lease, 0, make.step(), [make.message()], read)
    assert await store.lease(receipt.lease.session_id, "b", 30) is None
    (waiting,) = (await store.load(receipt.lease.session_id)).inbox
    assert waiting.incoming.text == "one more thing"
    assert await store.close(receipt.lease, 1, make.step(), consume=[waiting.id])


async def test_after_a_close_the_lease_writes_nothing_more(store: SessionStore, make: Make) -> None:
    receipt = await store.receive(make.incoming(), Claim("a", 30))
    assert receipt.lease is not None
    assert receipt.tail is not None
    read = [item.id for item in receipt.tail.inbox]
    assert await store.close(receipt.lease, 0, make.step(), consume=read)
    with pytest.raises(LeaseLost):
        await store.append(receipt.lease, 0, make.step(), [make.message()])
    with pytest.raises(LeaseLost):
        await store.renew(receipt.lease, 30)
    await store.release(receipt.lease)


async def test_a_close_that_is_refused_changes_nothing_and_keeps_the_lease(store: SessionStore, make: Make) -> None:
    receipt = await store.receive(make.incoming(), Claim("a", 30))
    assert receipt.lease is not None
    with pytest.raises(SequenceConflict):
        await store.close(receipt.lease, 7, make.step(), [make.message()])
    assert await store.lease(receipt.lease.session_id, "b", 30) is None
    assert not (await store.load(receipt.lease.session_id)).messages
