"""The image, built once for all tests that look into it."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.image.built import Image, built_image, missing


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Generator[Image]:
    """The Dockerfile's image on a Debian that debootstrap made."""
    reason = missing()
    if reason:
        pytest.skip(f"{reason}: the image is not built")
    with built_image(tmp_path_factory.mktemp("image")) as made:
        yield made
