"""`data_visualization`: pie, bar, line and area charts (docs.slack.dev, data visualization block)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import ByType, Items, Number, Record, Text, typed
from kubeai_bot.playground.workspace.shapes.objects import block

_LABEL = Text(limits.CHART_LABEL_CHARS)
_POINT = Record({"label": _LABEL, "value": Number(fraction=True)})
_SERIES = Record({"name": _LABEL, "data": Items(_POINT, limits.MAX_CHART_CATEGORIES)})
_AXIS = Record(
    {"categories": Items(_LABEL, limits.MAX_CHART_CATEGORIES)},
    {"x_label": Text(limits.CHART_TITLE_CHARS), "y_label": Text(limits.CHART_TITLE_CHARS)},
)


def _names_differ(chart: Mapping[str, Any]) -> str | None:
    names = [str(series.get("name")) for series in _objects(chart.get("series"))]
    return "names of series must differ" if len(set(names)) < len(names) else None


def _points_meet_the_categories(chart: Mapping[str, Any]) -> str | None:
    """Every series has one point for each category and no other."""
    axis = chart.get("axis_config")
    categories = axis.get("categories") if isinstance(axis, dict) else None
    if not isinstance(categories, list):
        return None
    wanted = sorted(str(category) for category in categories)
    for series in _objects(chart.get("series")):
        if sorted(str(point.get("label")) for point in _objects(series.get("data"))) != wanted:
            return f"series {series.get('name')!r} needs one point for each category"
    return None


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _plotted(name: str) -> Record:
    needs = {"series": Items(_SERIES, limits.MAX_CHART_SERIES), "axis_config": _AXIS}
    return typed(name, needs, None, _names_differ, _points_meet_the_categories)


_SEGMENT = Record({"label": _LABEL, "value": Number(0, fraction=True)})
CHARTS: Mapping[str, Record] = {
    "pie": typed("pie", {"segments": Items(_SEGMENT, limits.MAX_CHART_SERIES)}),
    "bar": _plotted("bar"),
    "line": _plotted("line"),
    "area": _plotted("area"),
}
DATA_VISUALIZATION = block(
    "data_visualization", {"title": Text(limits.CHART_TITLE_CHARS), "chart": ByType(lambda: CHARTS)}
)
