"""What Prometheus would read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kubeai_bot.playground.world import World


@dataclass(frozen=True)
class Scrape:
    """One reading. `text` is what was sent."""

    text: str

    def samples(self) -> Iterator[tuple[str, dict[str, str], float]]:
        for family in text_string_to_metric_families(self.text):
            for sample in family.samples:
                yield sample.name, sample.labels, sample.value

    def of(self, name: str, **labels: str) -> float:
        """The sum over all series of that name that have these labels."""
        return sum(value for each, theirs, value in self.samples() if each == name and labels.items() <= theirs.items())

    def labels_of(self, name: str) -> set[str]:
        return {label for each, theirs, _ in self.samples() if each == name for label in theirs}


async def scrape(world: World) -> Scrape:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://{world.environment['LISTEN_ADDRESS']}/metrics")
        assert answer.status_code == 200
        return Scrape(answer.text)


def reading(registry: CollectorRegistry) -> Scrape:
    return Scrape(generate_latest(registry).decode())
