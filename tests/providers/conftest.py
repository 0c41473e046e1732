from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from kubeai_bot.interfaces import Provider
from tests.providers.vendor import Vendor
from tests.providers.wire_openai import AzureWire, OpenAIWire, SloppyWire, serving

VENDORS: dict[str, Callable[[], AbstractAsyncContextManager[Vendor]]] = {
    "openai": lambda: serving(OpenAIWire),
    "azure": lambda: serving(AzureWire),
    "openai, sloppy": lambda: serving(SloppyWire),
}


@pytest.fixture(params=VENDORS)
async def vendor(request: pytest.FixtureRequest) -> AsyncIterator[Vendor]:
    """Each vendor in turn, on a loopback port."""
    async with VENDORS[request.param]() as vendor:
        yield vendor


@pytest.fixture
async def provider(vendor: Vendor) -> AsyncIterator[Provider]:
    """A provider that talks to `vendor`."""
    provider = await vendor.provider()
    yield provider
    await provider.aclose()


@pytest.fixture
async def openai_wire() -> AsyncIterator[OpenAIWire]:
    """OpenAI's wire format alone, for what only its dialects do."""
    async with serving(OpenAIWire) as wire:
        yield wire


@pytest.fixture
async def openai(openai_wire: OpenAIWire) -> AsyncIterator[Provider]:
    provider = await openai_wire.provider()
    yield provider
    await provider.aclose()
