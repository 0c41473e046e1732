"""The chart, rendered by Helm's own engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

CHART = Path(__file__).parents[2] / "charts" / "kubeai-bot"
NAMESPACE, RELEASE = "kubeai", "kubeai-bot"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Object = dict[str, Any]
Values = Mapping[str, Any]

WORKING: Values = {"existingSecret": "kubeai-bot-env", "env": {"MODEL_ID": "a-model"}}
"""The least that can run."""


def with_working(values: Values) -> dict[str, Any]:
    """`values` over the least that can run."""
    return _over(deepcopy(dict(WORKING)), values)


def _over(below: dict[str, Any], above: Values) -> dict[str, Any]:
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(below.get(key), dict)
        below[key] = _over(below[key], value) if both else value
    return below


def render_texts(values: Values, *, name: str = RELEASE) -> Mapping[str, str]:
    """What each template gives, by its file's name."""
    return _render_once(json.dumps(with_working(values)), name)


@cache
def _render_once(values: str, name: str) -> Mapping[str, str]:
    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render(json.loads(values), name=name, namespace=NAMESPACE)
    return {path.partition("/templates/")[2]: text for path, text in rendered.items()}


def render(values: Values, *, name: str = RELEASE) -> list[Object]:
    """The objects of a release."""
    return deepcopy(_parse_once(json.dumps(with_working(values)), name))


@cache
def _parse_once(values: str, name: str) -> list[Object]:
    texts = [text for path, text in _render_once(values, name).items() if path.endswith(".yaml")]
    return [found for text in texts for found in yaml.load_all(text, Loader=_LOADER) if found]


def of_kind(objects: Sequence[Object], kind: str) -> list[Object]:
    return [each for each in objects if each["kind"] == kind]


def only(objects: Sequence[Object], kind: str, suffix: str = "") -> Object:
    """The one object of a kind (whose name ends like that)."""
    (found,) = [each for each in of_kind(objects, kind) if each["metadata"]["name"].endswith(suffix)]
    return found


def pod_of(objects: Sequence[Object]) -> Object:
    return only(objects, "Deployment")["spec"]["template"]["spec"]


def bot_of(objects: Sequence[Object]) -> Object:
    return pod_of(objects)["containers"][0]


def environment(container: Object) -> dict[str, Any]:
    """A container's variables: text, or where they come from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def refusal(values: Values) -> str:
    """Why these values are not rendered."""
    with pytest.raises(helm_python.HelmError) as caught:
        render_texts(values)
    return str(caught.value)
