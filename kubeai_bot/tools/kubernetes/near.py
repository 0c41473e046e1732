"""What to say when a name is not there: the names that are."""

from __future__ import annotations

from difflib import get_close_matches

from kubeai_bot.errors import ApiStatus, ToolError
from kubeai_bot.tools.kubernetes.paths import at
from kubeai_bot.tools.kubernetes.reach import NAMES, Reach, Ref

_LOOKED_AT = 500


async def found_or_near(reach: Reach, ref: Ref, accept: str = "application/json") -> dict[str, object]:
    """The object at `ref`. Where it is missing, ToolError with names like it; needs the act of listing for that."""
    try:
        return dict(await reach.get(ref, accept=accept))
    except ApiStatus as error:
        if error.code != 404:
            raise
        raise ToolError(await _missing(reach, ref)) from error


async def _missing(reach: Reach, ref: Ref) -> str:
    where = f" in namespace {ref.namespace}" if ref.namespace else ""
    text = f"There is no {ref.resource.kind} {ref.name}{where} (cluster {reach.cluster.name})."
    try:
        listed = await reach.items(Ref(ref.resource, ref.namespace), most=_LOOKED_AT, accept=NAMES)
    except ApiStatus:
        return text
    names = [str(at(item, "metadata", "name")) for item in listed.items]
    if not names and not listed.token:
        return f"{text} There are none at all{where}."
    near = [name for name in names if ref.name in name][:5] or get_close_matches(ref.name, names, n=5, cutoff=0.6)
    return f"{text} Similar: {', '.join(near)}." if near else text
