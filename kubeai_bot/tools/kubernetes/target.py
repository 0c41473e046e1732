"""The one object that a call names."""

from __future__ import annotations

from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes.reach import Ref
from kubeai_bot.tools.kubernetes.tool import Scene


def one_object(kind: str, namespace: str, name: str, scene: Scene, verb: str = "get") -> Ref:
    """Raises ToolError for an unknown kind, one without `verb`, and where the name or the namespace is missing."""
    resource = scene.kinds.find(kind, verb)
    if not name:
        raise ToolError("name is empty: list_resources shows the names.")
    if resource.namespaced and not namespace:
        raise ToolError(
            f"{resource.kind} is namespaced: give `namespace`. list_resources with grep={name!r} finds where it is."
        )
    return Ref(resource, namespace if resource.namespaced else "", name)
