"""Request bodies: decoded once, and refused later with the words that fit the kind they were meant for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml

from kubeai_bot.playground.cluster import protobuf
from kubeai_bot.playground.cluster.status import bad_request, unsupported_media_type

_JSON = "application/json"
_YAML = ("application/yaml", "application/apply-patch+yaml")
_ACCEPTED = (_JSON, "application/yaml", protobuf.MEDIA_TYPE)


@dataclass(frozen=True)
class Body:
    """`value` is the decoded body, None without one; `fault` says why it could not be decoded."""

    value: Any = None
    fault: str = ""
    media_type: str = ""
    raw: bytes = b""

    def require(self, method: str, kind: str) -> Any:
        """The value, or ApiError 400 or 415 in the words of the real server."""
        if not self.raw:
            return None
        if method != "PATCH" and self.media_type not in {"", *_ACCEPTED}:
            raise unsupported_media_type(*_ACCEPTED)
        if self.fault and method == "PATCH":
            from_yaml = "error decoding YAML: error converting YAML to JSON: yaml"
            raise bad_request(f"{from_yaml if self.media_type in _YAML else 'error decoding patch'}: {self.fault}")
        if self.fault:
            shown = self.raw.decode(errors="replace")
            raise bad_request(
                f"the object provided is unrecognized (must be of type {kind}): "
                f"couldn't get version/kind; json parse error: {self.fault} ({shown})"
            )
        return self.value


def read_body(raw: bytes, content_type: str) -> Body:
    media_type = content_type.partition(";")[0].strip()
    if not raw:
        return Body(media_type=media_type)
    try:
        value = _decode(raw, media_type)
    except (ValueError, yaml.YAMLError) as error:
        return Body(None, str(error), media_type, raw)
    return Body(value, "", media_type, raw)


def _decode(raw: bytes, media_type: str) -> Any:
    if media_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(raw)
    return yaml.load(raw, _Loader) if media_type in _YAML else json.loads(raw)  # noqa: S506 - a safe loader


class _Loader(yaml.SafeLoader):
    """YAML as JSON knows it: a date stays text."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
