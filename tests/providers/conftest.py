from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import certifi
import pytest

from kubeai_bot.interfaces import Provider
from tests.providers import wire_gemini
from tests.providers.vendor import Vendor
from tests.providers.wire_gemini import GeminiWire, VertexWire
from tests.providers.wire_openai import AzureWire, OpenAIWire, SloppyWire, serving

VENDORS: dict[str, Callable[[], AbstractAsyncContextManager[Vendor]]] = {
    "openai": lambda: serving(OpenAIWire),
    "azure": lambda: serving(AzureWire),
    "openai, sloppy": lambda: serving(SloppyWire),
    "gemini": lambda: wire_gemini.serving(GeminiWire),
    "vertex": lambda: wire_gemini.serving(VertexWire),
}


@pytest.fixture(autouse=True, scope="session")
def few_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Reading all certificate authorities takes longer than most of these tests, whose servers speak plain HTTP."""
    first, end, _ = certifi.contents().partition("-----END CERTIFICATE-----\n")
    path = tmp_path_factory.mktemp("trust") / "first.pem"
    path.write_text(first + end)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield


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


@pytest.fixture
async def gemini_wire() -> AsyncIterator[GeminiWire]:
    async with wire_gemini.serving(GeminiWire) as wire:
        yield wire


@pytest.fixture
async def vertex_wire() -> AsyncIterator[GeminiWire]:
    async with wire_gemini.serving(VertexWire) as wire:
        yield wire


@pytest.fixture
async def gemini(gemini_wire: GeminiWire) -> AsyncIterator[Provider]:
    provider = await gemini_wire.provider()
    yield provider
    await provider.aclose()
