"""From a word for a kind (`deploy`, `apps/v1 Deployment`, `issuers.cert-manager.io`) to a served resource."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.errors import ToolError

_BUILT_IN = frozenset({"apps", "batch", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io"}) | {
    f"{name}.k8s.io"
    for name in ("storage", "apiextensions", "apiregistration", "coordination", "discovery", "node", "scheduling")
}
"""Groups of Kubernetes itself: their kinds win over a CRD's kind of the same name, as in kubectl."""

_VERSION = re.compile(r"v[0-9]+((alpha|beta)[0-9]+)?")
_API_VERSION_KIND = re.compile(
    r"(?P<api>[^\s,]+/[^\s,]+|v[0-9][a-z0-9]*)[\s,/]+(?:kind=)?(?P<word>[^\s/]+)", re.IGNORECASE
)

_COMMA = re.compile(r",(?!\s*kind=)", re.IGNORECASE)


class UnknownKind(ToolError):
    """No resource of the cluster has that name, as far as is known."""


class Kinds:
    """What one cluster serves, looked up by the words that people and models use."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = tuple(resources)

    def find(self, word: str, verb: str = "") -> Resource:
        """The resource that `word` means, in its preferred version.

        Raises ToolError: unknown (with near matches), ambiguous (with the candidates), or without `verb`.
        """
        candidates = _preferred(self._matches(word.strip()))
        if not candidates:
            raise UnknownKind(self._unknown(word))
        if len(candidates) > 1:
            names = ", ".join(f"{full_name(r)} ({r.kind})" for r in candidates)
            raise ToolError(f"{word!r} may mean several kinds: {names}. Use one of these names.")
        found = candidates[0]
        if verb and verb not in found.verbs:
            verbs = ", ".join(sorted(found.verbs)) or "none"
            raise ToolError(f"{full_name(found)} cannot be asked for by {verb} (its verbs: {verbs}).")
        return found

    def find_all(self, words: str) -> tuple[Resource, ...]:
        """The resources of a comma-separated list, categories such as `all` included; for listing."""
        found: dict[tuple[str, str], Resource] = {}
        for word in filter(None, (part.strip() for part in _COMMA.split(words))):
            members = [r for r in self.resources if word.lower() in r.categories and "list" in r.verbs]
            for resource in _distinct(members) if members else [self.find(word, "list")]:
                found.setdefault((resource.group, resource.name), resource)
        if not found:
            raise ToolError("kind is empty: name a kind, such as `pods`.")
        return tuple(found.values())

    def get(self, group: str, name: str) -> Resource | None:
        """The resource of that group and plural name, if it is served."""
        return next((r for r in self.resources if (r.group, r.name) == (group, name)), None)

    def _matches(self, word: str) -> list[Resource]:
        if "/" in word or " " in word:
            found = _API_VERSION_KIND.fullmatch(word)
            api = found["api"] if found else ""
            return [r for r in self._named(found["word"]) if r.api_version == api] if found else []
        if direct := self._named(word):
            return direct
        for cut in (index for index, char in enumerate(word) if char == "."):
            name, rest = word[:cut], word[cut + 1 :]
            version, _, group = rest.partition(".")
            for wanted in ((rest, ""), (group, version) if _VERSION.fullmatch(version) else (rest, "")):
                found_here = [r for r in self._named(name) if r.group == wanted[0] and wanted[1] in ("", r.version)]
                if found_here:
                    return found_here
        return []

    def _named(self, word: str) -> list[Resource]:
        lower = word.lower()
        by_name = [r for r in self.resources if lower in (r.name, r.singular, r.kind.lower())]
        return by_name or [r for r in self.resources if lower in r.short_names]

    def _unknown(self, word: str) -> str:
        words: dict[str, Resource] = {}
        for resource in self.resources:
            for known in (resource.kind.lower(), resource.singular, *resource.short_names, resource.name):
                words.setdefault(known, resource)
        plain = re.split(r"[\s/,]", word.strip())[-1].split(".")[0].lower()
        near = dict.fromkeys(full_name(words[match]) for match in get_close_matches(plain, words, n=4, cutoff=0.7))
        hint = f" Did you mean {', '.join(near)}?" if near else " api_resources lists what there is."
        return f"This cluster serves no kind {word!r}.{hint}"


def full_name(resource: Resource) -> str:
    """`pods`, `deployments.apps`: unambiguous."""
    return f"{resource.name}.{resource.group}" if resource.group else resource.name


def _distinct(resources: Iterable[Resource]) -> list[Resource]:
    """One entry per group and name: the first, which is of the preferred version."""
    kept: dict[tuple[str, str], Resource] = {}
    for resource in resources:
        kept.setdefault((resource.group, resource.name), resource)
    return list(kept.values())


def _preferred(resources: list[Resource]) -> list[Resource]:
    distinct = _distinct(resources)
    core = [r for r in distinct if not r.group]
    built_in = [r for r in distinct if r.group in _BUILT_IN]
    return core or built_in or distinct
