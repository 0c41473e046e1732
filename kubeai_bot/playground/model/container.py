"""The containers that the description of a workload shows."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLOCK = re.compile(r"^([a-z0-9][a-z0-9-]*): (\S+)$\n?((?:^ .*$\n?)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ContainerSeen:
    name: str
    image: str
    text: str

    @property
    def repository(self) -> str:
        """The image without tag and digest."""
        return re.sub(r"(?:@.*|:[^/:]*)$", "", self.image)

    def amount(self, resource: str, part: str) -> str:
        """Of `memory` or `cpu`, as `limit` or `request`; "" where none is set."""
        found = re.search(rf"{part}s [^\n;]*?{resource}=([^\s;]+)", self.text)
        return found[1] if found else ""


def chosen_container(description: str, name: str, workload: str, repository: str) -> ContainerSeen | None:
    """The one of that name; else the one that runs this image already, is called like the workload, or is the only."""
    seen = [ContainerSeen(*found) for found in _BLOCK.findall(description)]
    wanted = (
        (each for each in seen if each.name == name),
        (each for each in seen if repository and each.repository.endswith(repository) and not name),
        (each for each in seen if each.name == workload and not name),
    )
    for found in wanted:
        if (container := next(found, None)) is not None:
            return container
    return seen[0] if len(seen) == 1 and not name else None
