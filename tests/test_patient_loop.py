"""The clock of the tests' event loop."""

import asyncio
import time

from tests.patient_loop import PatientLoop


def held_up(seconds):
    time.sleep(seconds)  # as by a collection of garbage, or by a machine that gives the process no processor


async def test_the_tests_run_on_it():
    assert isinstance(asyncio.get_running_loop(), PatientLoop)


async def test_who_is_held_up_is_not_late():
    loop = asyncio.get_running_loop()
    loop.call_soon(held_up, 1.0)
    async with asyncio.timeout(0.5):
        for _ in range(5):
            await asyncio.sleep(0.01)


async def test_time_in_which_nothing_happens_counts_whole():
    loop = asyncio.get_running_loop()
    began, really_began = loop.time(), time.monotonic()
    await asyncio.sleep(0.5)
    assert loop.time() - began >= 0.5
    assert time.monotonic() - really_began >= 0.5
    with_nobody_late = asyncio.timeout(0.2)
    try:
        async with with_nobody_late:
            await asyncio.Event().wait()
    except TimeoutError:
        pass
    assert with_nobody_late.expired()


async def test_its_clock_never_goes_back():
    loop = asyncio.get_running_loop()
    seen = [loop.time()]
    for held in (0.0, 0.3, 0.0, 0.5, 0.01):
        held_up(held)
        seen.append(loop.time())
        await asyncio.sleep(0)
        seen.append(loop.time())
    assert seen == sorted(seen)
