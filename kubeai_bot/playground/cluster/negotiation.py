"""Which representation a client accepts: plain objects, Tables, metadata only, or aggregated discovery."""

from __future__ import annotations

from collections.abc import Iterator

from kubeai_bot.playground.cluster.status import not_acceptable

DISCOVERY_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def _clauses(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    for clause in accept.split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        pairs = (parameter.partition("=") for parameter in parameters)
        yield media, {key.strip(): value.strip() for key, _, value in pairs}


def representation(accept: str, *, tables: bool) -> str:
    """`Table`, `PartialObjectMetadata`, `PartialObjectMetadataList` or `""` for the object itself.

    The first clause that can be served wins; ApiError 406 if none can. `tables` False plays a server that knows
    no Tables, as some aggregated API servers are.
    """
    for media, parameters in _clauses(accept or "*/*"):
        if media not in {"*/*", "application/*", "application/json"}:
            continue
        wanted = parameters.get("as", "")
        if not wanted:
            return ""
        if (parameters.get("g"), parameters.get("v")) != ("meta.k8s.io", "v1"):
            continue
        if wanted.startswith("PartialObjectMetadata") or (wanted == "Table" and tables):
            return wanted
    raise not_acceptable()


def wants_aggregated_discovery(accept: str) -> bool:
    for media, parameters in _clauses(accept):
        if media not in {"application/json", "*/*"}:
            continue
        if not parameters.get("as"):
            return False
        if (parameters.get("g"), parameters.get("v")) == ("apidiscovery.k8s.io", "v2"):
            return True
    return False
