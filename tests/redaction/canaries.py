"""Made-up secrets in the places where real ones turn up. Shares nothing with the detectors that are tested with it.

`canaries(seed, count)` draws them; `leaked(canary, text)` tells what of one is still in a text.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.redaction.canary_contexts import CONTEXTS
from tests.redaction.canary_places import FREE_PLACES, NAMED_PLACES, Place
from tests.redaction.canary_secrets import IN_CONTEXT, NAMED, SELF_EVIDENT

_PIECE, _HEXADECIMAL_PIECE, _SHORTEST = 8, 12, 6
_HEXADECIMAL = re.compile("[0-9a-f]+|[0-9A-F]+")


@dataclass(frozen=True)
class Canary:
    """A `secret` of a `kind`, planted in `carrier`: a text, or a Kubernetes object or other JSON document."""

    kind: str
    secret: str
    where: str
    carrier: object


def canaries(seed: int, count: int) -> list[Canary]:
    """`count` canaries; the same seed gives the same ones. From about 300 on, every kind and place occurs."""
    rng = random.Random(seed)
    makers = list(_makers(rng))
    rng.shuffle(makers)
    return [makers[n % len(makers)]() for n in range(count)]


def kinds() -> list[str]:
    """The names of all kinds."""
    return [*SELF_EVIDENT, *NAMED, *IN_CONTEXT]


def _makers(rng: random.Random) -> Iterator[Callable[[], Canary]]:
    for kind, make in SELF_EVIDENT.items():
        for place in rng.sample(FREE_PLACES, 6) + rng.sample(NAMED_PLACES, 2):
            yield _planter(rng, kind, make, place)
        yield _planter(
            rng, f"base64 of {kind}", lambda r, m=make: base64.b64encode(m(r).encode()).decode(), FREE_PLACES[0]
        )
    for kind, make in NAMED.items():
        for place in NAMED_PLACES:
            yield _planter(rng, kind, make, place)
    for kind, (make, context) in IN_CONTEXT.items():
        for place in CONTEXTS[context]:
            yield _planter(rng, kind, make, place)


def _planter(rng: random.Random, kind: str, make: Callable[[random.Random], str], place: Place) -> Callable[[], Canary]:
    def plant() -> Canary:
        secret = make(rng)
        return Canary(kind, secret, place.where, place.plant(rng, secret))

    return plant


def leaked(canary: Canary, text: str) -> str | None:
    """The first of the canary's pieces that stands in `text`; None if none does."""
    return next((piece for piece in pieces_of(canary) if piece in text), None)


def pieces_of(canary: Canary) -> Iterator[str]:
    """Eight characters of it, plain or in base64, and whole words of six or seven. Of hexadecimal digits twelve: eight
    of them stand in some digest by chance."""
    for form in _forms(canary.secret):
        for word in form.split():
            size = _HEXADECIMAL_PIECE if _HEXADECIMAL.fullmatch(word) else _PIECE
            if len(word) >= _SHORTEST:
                yield from (word[at : at + size] for at in range(max(len(word) - size, 0) + 1))


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield secret.replace("\n", " ")
    for shift in range(3):
        whole = base64.b64encode(b" " * shift + secret.encode()).decode()
        yield whole[4 if shift else 0 : len(whole) - 4]
