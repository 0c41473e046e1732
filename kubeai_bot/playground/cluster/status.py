"""API errors as the Status objects that a kube-apiserver answers with.

Texts, reasons and codes are those of k8s.io/apimachinery/pkg/api/errors.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubeai_bot.playground.cluster.objects import Obj

EXPIRED_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass
class ApiError(Exception):
    """An answer that is not success; `body()` is the Status object sent to the client."""

    code: int
    reason: str
    message: str
    details: Obj | None = None
    continue_token: str | None = None
    plain: bool = False
    """Sent as bare text, as the last handler in the chain does for paths that nobody serves."""

    def body(self) -> Obj:
        metadata: Obj = {"continue": self.continue_token} if self.continue_token else {}
        status: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


def qualified(group: str, resource: str) -> str:
    """`deployments.apps`, or plain `pods` for the core group."""
    return f"{resource}.{group}" if group else resource


def about(group: str, resource: str, name: str = "") -> Obj:
    """Status details that name the object in question; empty fields are left out as the server does."""
    details = {"name": name, "group": group, "kind": resource}
    return {key: value for key, value in details.items() if value}


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(message: str, group: str = "", resource: str = "", name: str = "") -> ApiError:
    """403 for a resource request; `message` says who may not do what."""
    subject = qualified(group, resource)
    if name:
        subject = f'{subject} "{name}"'
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {message}", about(group, resource, name))


def forbidden_path(message: str) -> ApiError:
    """403 for a request that is not about a resource."""
    return ApiError(403, "Forbidden", f"forbidden: {message}", {})


def not_found(group: str, resource: str, name: str) -> ApiError:
    text = f'{qualified(group, resource)} "{name}" not found'
    return ApiError(404, "NotFound", text, about(group, resource, name))


def no_such_resource() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def page_not_found() -> ApiError:
    """404 for a group that is not served at all, and for unknown resources of custom groups."""
    return ApiError(404, "NotFound", "404 page not found\n", plain=True)


def method_not_allowed() -> ApiError:
    text = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", text, {})


def not_acceptable() -> ApiError:
    text = (
        "only the following media types are accepted: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf"
    )
    return ApiError(406, "NotAcceptable", text)


def already_exists(group: str, resource: str, name: str) -> ApiError:
    text = f'{qualified(group, resource)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", text, about(group, resource, name))


def conflict(group: str, resource: str, name: str, why: str = "") -> ApiError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    text = f'Operation cannot be fulfilled on {qualified(group, resource)} "{name}": {why}'
    return ApiError(409, "Conflict", text, about(group, resource, name))


def expired(message: str, continue_token: str | None = None) -> ApiError:
    return ApiError(410, "Expired", message, continue_token=continue_token)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def unsupported_media_type(*accepted: str) -> ApiError:
    """415; `accepted` are the types that would have been taken, if the server says so."""
    if not accepted:
        return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    text = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return ApiError(415, "UnsupportedMediaType", text)


def not_handled(given_kind: str, given_version: str, kind: str, why: str) -> ApiError:
    """400 for a body of another type than the path takes."""
    return bad_request(f'{given_kind} in version "{given_version}" cannot be handled as a {kind}: {why}')


def wrong_uid(group: str, resource: str, obj: Obj, wanted: str) -> ApiError:
    """409 for an update that names the uid of another object of the same name."""
    metadata = obj["metadata"]
    place = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    why = (
        f"StorageError: invalid object, Code: 4, Key: /registry/{resource}/{place}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, "
        f"UID in object meta: {metadata['uid']}"
    )
    return conflict(group, resource, metadata["name"], why)


@dataclass(frozen=True)
class Fault422:
    """One cause of an Invalid answer: `reason` FieldValueInvalid or FieldValueRequired."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


def invalid(group: str, kind: str, name: str, *causes: Fault422) -> ApiError:
    """422: the object was understood and refused by validation."""
    problems = [f"{cause.field}: {cause.message}" for cause in causes]
    joined = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
    details = about(group, kind, name)
    details["causes"] = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    return ApiError(422, "Invalid", f'{qualified(group, kind)} "{name}" is invalid: {joined}', details)
