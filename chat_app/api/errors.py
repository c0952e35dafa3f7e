"""Errors as `application/problem+json` (RFC 9457), with the only table of HTTP statuses."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from chat_app.admin.errors import NoSpaceForBackup
from chat_app.conversations.groups.errors import CannotAdd
from chat_app.conversations.schemas import KINDS
from chat_app.core.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from chat_app.core.logs import without_token
from chat_app.files.errors import (
    ChecksumMismatch,
    DiskFull,
    OutOfRange,
    TooLarge,
    UploadIsBusy,
    WrongBodyType,
    WrongVersion,
)
from chat_app.messages.errors import DraftConflict
from chat_app.realtime.shapes import Draft

STATUS: dict[type[AppError], int] = {
    NotFound: 404,
    Unauthenticated: 401,
    Forbidden: 403,
    Conflict: 409,
    Invalid: 422,
    RateLimited: 429,
    Unavailable: 503,
    TooLarge: 413,
    UploadIsBusy: 423,
    WrongBodyType: 415,
    OutOfRange: 416,
    # Those of tus.
    WrongVersion: 412,
    ChecksumMismatch: 460,
    DiskFull: 507,
    NoSpaceForBackup: 507,
}
# The codes for HTTP statuses that Litestar itself raises.
CODES = {
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid",
    503: "unavailable",
}
DETAILS = {
    404: "There is nothing here.",
    405: "This address does not take this method.",
    413: "The body is too large.",
    500: "Something went wrong here. It has been written down.",
}

# Litestar names a missing parameter only in the text of its error.
MISSING = re.compile(r"Missing required \w+ parameter '(\w+)'")

log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]


class FieldError(msgspec.Struct, frozen=True):
    """The error of one field of the body or the query."""

    field: str
    message: str


# Litestar's 500 for a client whose link broke in the middle of its body.
LEFT = "client disconnected prematurely"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: Sequence[FieldError] = ()
    draft: Draft | None = None


def on_app_error(request: AnyRequest, error: AppError) -> Response[Problem]:
    """Answer an error of a domain."""
    status = next(STATUS[family] for family in type(error).__mro__ if family in STATUS)
    fields: Sequence[FieldError] = ()
    headers = {}
    if isinstance(error, Invalid | CannotAdd):
        fields = [FieldError(name, message) for name, message in error.fields.items()]
    if isinstance(error, RateLimited | Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="chat"'
    if isinstance(error, Unavailable):
        log.warning("unavailable", cause=type(error.__cause__).__name__)
    if isinstance(error, OutOfRange):
        headers["Content-Range"] = f"bytes */{error.size}"
    draft = error.draft if isinstance(error, DraftConflict) else None
    return _problem(request, status, error.code, error.detail, fields, headers, draft)


def on_http_error(request: AnyRequest, error: HTTPException) -> Response[Problem]:
    """Answer a request that Litestar refused before any domain ran."""
    if isinstance(error, ValidationException):
        missing = MISSING.match(error.detail)
        fields = {missing[1]: "Required."} if missing else _fields(error.extra)
        if "data" in fields:
            return on_broken_json(request, error)  # the body is missing
        return on_app_error(request, Invalid(fields))
    status = error.status_code
    if status == 400:  # noqa: PLR2004  # Litestar uses it for unreadable bodies only
        return on_broken_json(request, error)
    if error.detail == LEFT:
        # Nobody reads the answer, and nothing is wrong here.
        return on_broken_json(request, error)
    if status >= 500:  # noqa: PLR2004  # an error of the server, whatever raised it
        return on_failure(request, error)
    code = CODES.get(status, "bad_request")
    detail = DETAILS.get(status, HTTPStatus(status).phrase + ".")
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return _problem(request, status, code, detail, (), headers)


def on_broken_json(request: AnyRequest, _error: Exception) -> Response[Problem]:
    """Answer a body that is not JSON, or nested too deep."""
    return _problem(request, 400, "malformed_json", "The body is not valid JSON.")


def on_failure(request: AnyRequest, error: Exception) -> Response[Problem]:
    """Answer an unexpected error; only the log contains its traceback."""
    log.error("request.failed", path=without_token(request.url.path), exc_info=error)
    return _problem(request, 500, "internal_error", DETAILS[500])


def _title(status: int) -> str:
    return "Checksum Mismatch" if status == STATUS[ChecksumMismatch] else HTTPStatus(status).phrase


def _fields(extra: object) -> dict[str, str]:
    fields: dict[str, str] = {}
    for finding in extra if isinstance(extra, list) else ():
        message = str(finding.get("message", "")).strip() or "Not valid"
        # Litestar's messages may quote the value; keep the rule only.
        message = re.sub(r"^Value error, ", "", message).split("\n", 1)[0][:200]
        key = str(finding.get("key") or "body")
        for kind in KINDS:
            key = key.removeprefix(f"{kind}.")
        fields.setdefault(key, message.rstrip(".") + ".")
    return fields or {"body": "Not valid."}


def _problem(
    request: AnyRequest,
    status: int,
    code: str,
    detail: str,
    errors: Sequence[FieldError] = (),
    headers: dict[str, str] | None = None,
    draft: Draft | None = None,
) -> Response[Problem]:
    problem = Problem(
        type="about:blank",
        title=_title(status),
        status=status,
        detail=detail,
        code=code,
        request_id=request.headers.get("x-request-id", ""),
        errors=errors,
        draft=draft,
    )
    return Response(
        problem, status_code=status, media_type="application/problem+json", headers=headers
    )
