"""list_resources: any kind as the server's own table, names or YAML."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.errors import ApiStatus, ToolError
from kubeai_bot.tools.kubernetes.arguments import ListResources
from kubeai_bot.tools.kubernetes.failures import explained
from kubeai_bot.tools.kubernetes.known import NAMESPACES
from kubeai_bot.tools.kubernetes.paths import at, steps_of
from kubeai_bot.tools.kubernetes.prune import prune, to_yaml
from kubeai_bot.tools.kubernetes.reach import NAMES, Query, Reach, Ref
from kubeai_bot.tools.kubernetes.resolve import full_name
from kubeai_bot.tools.kubernetes.table import TABLE, Table, needs_objects, read_table
from kubeai_bot.tools.kubernetes.text import aligned, cut_middle, fitting, holds, shares
from kubeai_bot.tools.kubernetes.tool import MOST_KEPT, Scene, Step

_SCANNED = 2000
"""Objects that sorting and grep look through."""
_PAGE = 500


def plan_list(arguments: ListResources, scene: Scene) -> Step:
    resources = scene.kinds.find_all(arguments.kind)
    if arguments.continue_ and len(resources) > 1:
        raise ToolError("continue goes with one kind only.")
    refs = [Ref(resource, arguments.namespace if resource.namespaced else "") for resource in resources]
    acts = scene.acts(*(("list", ref) for ref in refs))
    if arguments.namespace:
        acts = (*acts, *scene.acts(("get", Ref(NAMESPACES, name=arguments.namespace))))
    words = ", ".join(full_name(resource) for resource in resources)
    place = ""
    if any(resource.namespaced for resource in resources):
        place = f" in {arguments.namespace}" if arguments.namespace else " in all namespaces"

    async def run(reach: Reach) -> ToolResult:
        parts = await asyncio.gather(*(_Listing(arguments, scene, reach, ref).part() for ref in refs))
        if len(parts) == 1 and parts[0].refused:
            raise ToolError(parts[0].refused)
        if arguments.namespace and not any(part.count or part.looked or part.refused for part in parts):
            await _require_namespace(reach, arguments.namespace)
        whole = _joined([part.with_every_row() for part in parts], MOST_KEPT).content
        return replace(_joined(parts, scene.budget), whole=whole)

    return Step(f"List {words}{place}", acts, run)


@dataclass(frozen=True, slots=True)
class _Part:
    """One kind's share of an answer.

    `lines` hold `header` lines and then a piece for each object; `count` is the number of objects that match, `every`
    the lines of all of them where the asked limit leaves some out; `token` leads on in the server's list and `left`
    says how much is there; `looked` is the number of objects looked through, 0 where the server selected them.
    `refused` and `nothing` are whole sentences.
    """

    name: str
    lines: tuple[str, ...] = ()
    header: int = 0
    count: int = 0
    token: str = ""
    left: int | None = None
    looked: int = 0
    refused: str = ""
    nothing: str = ""
    every: tuple[str, ...] = ()

    def with_every_row(self) -> _Part:
        return replace(self, lines=self.every or self.lines)

    def shown(self, budget: int) -> str:
        if not self.count:
            return self.refused or self.nothing
        fit = fitting(self.lines, budget)
        text = cut_middle("\n".join(self.lines[:fit]), budget, "get_resource with `path` shows a part")
        return "\n".join([text, *self._notes(max(fit - self.header, 0))])

    def _notes(self, kept: int) -> Iterator[str]:
        if kept < self.count:
            missing = self.count - kept
            yield f"[{missing} of {self.count} left out: narrow by namespace, selector or grep, or raise limit]"
        if self.token and self.looked:
            yield f"[only the first {self.looked} objects were looked through; there are more]"
        elif self.token and kept < self.count:
            yield f"[there are more after these: repeat with limit={max(kept, 1)} to page through without gaps]"
        elif self.token:
            yield f"[{'there are' if self.left is None else self.left} more: continue={self.token}]"


def _joined(parts: Sequence[_Part], budget: int) -> ToolResult:
    """Several kinds below each other; those without objects share a line."""
    if len(parts) == 1:
        return ToolResult(parts[0].shown(budget), f"{parts[0].count or 'no'} {parts[0].name}")
    room = shares([sum(len(line) + 1 for line in part.lines) for part in parts], budget)
    texts = [
        f"# {part.name}\n{part.shown(share)}"
        for part, share in zip(parts, room, strict=True)
        if part.count or part.refused
    ]
    if empty := [part.name for part in parts if not (part.count or part.refused)]:
        texts.append(f"None found: {', '.join(empty)}.")
    counts = ", ".join(f"{part.count} {part.name}" for part in parts if part.count)
    return ToolResult("\n\n".join(texts), counts or "nothing found", not all(part.refused for part in parts))


async def _require_namespace(reach: Reach, namespace: str) -> None:
    """Lists of a namespace that does not exist are empty, not 404."""
    try:
        await reach.get(Ref(NAMESPACES, name=namespace))
    except ApiStatus as error:
        if error.code == 404:
            raise ToolError(f"There is no namespace {namespace} in cluster {reach.cluster.name}.") from error


class _Listing:
    """One kind's list on its way from the server to text."""

    def __init__(self, arguments: ListResources, scene: Scene, reach: Reach, ref: Ref) -> None:
        self._asked = arguments
        self._scene = scene
        self._reach = reach
        self._ref = ref
        self._name = full_name(ref.resource)
        self._scans = bool(arguments.grep or arguments.sort_by)
        self._spread = ref.resource.namespaced and not ref.namespace

    async def part(self) -> _Part:
        try:
            return await (self._yaml() if self._asked.output == "yaml" else self._table())
        except ApiStatus as error:
            text = explained(error, self._scene.identity.on(self._reach.cluster.name), self._reach.cluster.name)
            if error.code == 403 and self._spread:
                text += (
                    f" (The right to list {self._name} in all namespaces is missing. A single namespace may be "
                    "allowed: name one with `namespace`.)"
                )
            return _Part(self._name, refused=text)

    async def _table(self) -> _Part:
        table = await self._read()
        seen = len(table.rows)
        if self._asked.sort_by:
            table = table.sorted(self._asked.sort_by)
        header, rows = table.lines(wide=self._asked.output == "wide", with_namespace=self._spread)
        if self._asked.output == "names":
            spread = self._spread
            header, rows = [], [[f"{row.namespace}/{row.cells[0]}" if spread else row.cells[0]] for row in table.rows]
        if self._asked.grep:
            rows = [row for row in rows if holds("  ".join(row), self._asked.grep)]
        if not rows:
            return self._nothing(seen, more=bool(table.token))
        most = self._asked.limit
        return _Part(
            self._name,
            tuple(aligned(header, rows[:most])),
            every=tuple(aligned(header, rows)) if len(rows) > most else (),
            header=int(bool(header)),
            count=len(rows),
            token=table.token,
            left=table.left,
            looked=seen if self._scans else 0,
        )

    async def _read(self) -> Table:
        """One page of the asked size; with grep or sort_by, as many as are looked through."""
        include = "Object" if needs_objects(self._asked.sort_by) else "None"
        if include == "None" and (self._spread or "." in self._asked.sort_by):
            include = "Metadata"
        names = self._asked.output == "names" and not self._asked.sort_by
        query = (*self._selectors(), *(() if names else (("includeObject", include),)))
        table = await self._page(query, NAMES if names else TABLE, self._asked.continue_)
        while self._scans and table.token and len(table.rows) < _SCANNED:
            table = table.joined(await self._page(query, NAMES if names else TABLE, table.token))
        return table

    async def _page(self, query: Query, accept: str, token: str) -> Table:
        limit = _PAGE if self._scans else self._asked.limit
        page = (*query, ("limit", str(limit)), *((("continue", token),) if token else ()))
        try:
            document = await self._reach.get(self._ref, page, accept)
        except ApiStatus as error:
            if error.code != 406:
                raise
            document = await self._reach.get(self._ref, page)  # a server that knows no Tables
        return read_table(document, self._scene.now)

    async def _yaml(self) -> _Part:
        most = _PAGE if self._scans else self._asked.limit
        query = (*self._selectors(), *((("continue", self._asked.continue_),) if self._asked.continue_ else ()))
        listed = await self._reach.items(self._ref, query, most=most)
        objects = list(listed.items)
        if self._asked.sort_by:
            steps = steps_of(self._asked.sort_by.removeprefix("-"))
            objects.sort(key=lambda obj: str(at(obj, *steps)), reverse=self._asked.sort_by.startswith("-"))
        resource = self._ref.resource
        head = {"apiVersion": resource.api_version, "kind": resource.kind}
        texts = [to_yaml(prune({**head, **obj})) for obj in objects]
        if self._asked.grep:
            texts = [text for text in texts if holds(text, self._asked.grep)]
        if not texts:
            return self._nothing(len(objects), more=bool(listed.token))
        looked = len(objects) if self._scans else 0
        pieces = tuple(f"---\n{text.rstrip()}" for text in texts)
        return _Part(self._name, pieces, count=len(texts), token=listed.token, looked=looked)

    def _selectors(self) -> Query:
        asked = (("labelSelector", self._asked.label_selector), ("fieldSelector", self._asked.field_selector))
        return tuple((name, value) for name, value in asked if value)

    def _nothing(self, seen: int, *, more: bool) -> _Part:
        """Nothing there is an answer of its own: allowed to look, and looked."""
        where = f"namespace {self._ref.namespace}" if self._ref.namespace else "the whole cluster"
        asked = self._asked
        choices = (("label selector", asked.label_selector), ("field selector", asked.field_selector))
        chosen = ", ".join(f"{name} {value!r}" for name, value in (*choices, ("grep", asked.grep)) if value)
        if not chosen:
            return _Part(self._name, nothing=f"There are no {self._name} in {where}.")
        of = f" ({seen} looked through{', there are more' if more else ''})" if asked.grep else ""
        return _Part(self._name, nothing=f"No {self._name} in {where} match {chosen}{of}.", looked=seen)
