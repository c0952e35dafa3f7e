"""The OpenAPI document of the HTTP API, derived from its handlers.

Paths, parameters and bodies come from the handlers' signatures, errors from their guards and
inputs and from what they declare as `errors=`. Handlers of bytes also declare the headers that they
read (`request_headers=`), the type of the bytes that they take (`body_type=`), and the types of
those that they return (`media_types=`).
"""

from collections.abc import Callable, Iterator, Sequence
from inspect import cleandoc
from typing import Any, NamedTuple, TypeAlias, get_args, get_origin

import msgspec
from litestar import Litestar, MediaType, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import ParameterKwarg
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chat_app.accounts.errors import CrossSite, OtherAccount
from chat_app.admin.backup_files import NAME as BACKUP_NAME
from chat_app.api.auth import EXPECTED_USER, SAFE
from chat_app.api.dependencies import admin_only, own_pages_or_programs, signed_in
from chat_app.api.errors import CODES, DETAILS, STATUS, Problem
from chat_app.core.errors import (
    AppError,
    Invalid,
    NotFound,
    Unauthenticated,
    Unavailable,
)

API_VERSION = "1.0.0"
ABOUT = """\
Every error is an `application/problem+json` (RFC 9457) with a stable `code`.

`HEAD` works wherever `GET` does. `OPTIONS` answers 204 and every other method 405 \
`method_not_allowed`, both with `Allow`. An address that is not listed here is 404 `not_found`. \
Ids are UUIDs; something else in their place is 404, too.

Requests that change something and carry the cookie must come from the chat's own pages; requests \
with a token may come from anywhere.

A request may carry `X-Chat-User`, the id of the user that its sender believes to be. If its \
session is another user's, it is refused with 409 `other_account`, and nothing is done.
"""
SCHEMAS = "#/components/schemas/{name}"
# The arguments of handlers that are no query parameters, besides those in the path.
PROVIDED = {"data", "me", "node", "request"}
LIMITS = {
    "ge": "minimum",
    "le": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
    "description": "description",
}
PROBLEM = "application/problem+json"
BYTES = {"type": "string", "format": "binary"}

Json: TypeAlias = dict[str, Any]
# The codes of one status, each with its sentence.
Codes: TypeAlias = dict[str, str]

HEADERS: Json = {
    "X-Request-ID": {
        "description": "The id of the request, which the logs contain: the client's, if it sent a "
        "well-formed one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"},
    },
    "Retry-After": {
        "description": "The seconds to wait before the next try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "The way to authenticate.",
        "required": True,
        "schema": {"type": "string"},
    },
}


class RequestHeader(NamedTuple):
    """A header that a handler reads; its value matches a pattern."""

    name: str
    description: str
    pattern: str
    is_required: bool = True


EXPECTED_USER_PARAMETER: Json = {
    "name": EXPECTED_USER,
    "in": "header",
    "required": False,
    "description": "The id of the user that the sender believes to be.",
    "schema": {"type": "string", "format": "uuid"},
}
HEADERS_OF = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}


def openapi(app: Litestar, *, cookie_name: str) -> Json:
    """Return the document of every handler that is included in it."""
    routes = [route for route in app.routes if isinstance(route, HTTPRoute)]
    operations = [
        _Operation(route, method, handler)
        for route in routes
        for method, (handler, _) in route.route_handler_map.items()
        if handler.resolve_include_in_schema() and method != "OPTIONS"
    ]
    paths: dict[str, Json] = {}
    responses: Json = {}
    for one in sorted(operations, key=lambda one: one.path):
        paths.setdefault(one.path, {})[one.method.lower()] = one.described(responses)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Chat", "version": API_VERSION, "description": ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "responses": responses,
            "headers": HEADERS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie_name},
            },
        },
    }


class _Operation:
    """One handler at one address."""

    def __init__(self, route: HTTPRoute, method: str, handler: HTTPRouteHandler) -> None:
        self.path = route.path_format
        self.method = str(method)
        # Litestar wraps guards that do not wait.
        self.guards = [getattr(guard, "func", guard) for guard in handler.resolve_guards()]
        self._handler = handler
        self._path_names = list(route.path_parameters)

    @property
    def body(self) -> type[BaseModel] | None:
        """The type of the request's body."""
        field = self._handler.parsed_data_field
        return field.annotation if field is not None else None

    def described(self, shared: Json) -> Json:
        """Return the operation; responses that several operations may have go to `shared`."""
        owner, _, name = self._handler.fn.__qualname__.rpartition(".")
        described: Json = {
            "operationId": f"{owner.removesuffix('Controller')}.{name}".strip("."),
            "tags": self._handler.resolve_tags(),
            "summary": (self._handler.fn.__doc__ or "").partition("\n\n")[0],
            "parameters": [
                *map(_path_parameter, self._path_names),
                *self._query_parameters(),
                *map(_header_parameter, self._handler.opt.get("request_headers", ())),
            ],
            "responses": self._responses(shared),
        }
        if self.body is not None:
            schema = {"$ref": SCHEMAS.format(name=self.body.__name__)}
            content = {"application/json": {"schema": schema}}
            described["requestBody"] = {"required": True, "content": content}
        if (body_type := self._handler.opt.get("body_type")) is not None:
            described["requestBody"] = {"content": {body_type: {"schema": BYTES}}}
        if signed_in in self.guards:
            described["security"] = [{"token": []}, {"cookie": []}]
            described["parameters"].append(EXPECTED_USER_PARAMETER)
        return described

    def answers(self) -> Iterator[tuple[int, ResponseSpec]]:
        """Yield the answers that are no errors: that of the signature, then the declared ones."""
        kind = self._handler.parsed_return_field.annotation
        if get_origin(kind) is Response:
            [kind] = get_args(kind)
        if get_origin(kind) is Callable:  # an application that sends bytes
            kind = bytes
        empty = kind is None or kind is type(None)
        about = "It is done." if empty else "The answer."
        media_type = self._handler.media_type
        declared = self._handler.responses or {}
        data = None if empty else str if kind is bytes else kind
        usual = ResponseSpec(data, description=about, media_type=media_type or MediaType.JSON)
        yield from {self._handler.status_code: usual, **declared}.items()

    def errors(self) -> Iterator[tuple[int, str, str]]:
        """Yield status, code and sentence of every error that the operation may answer with."""
        families: list[type[AppError]] = list(self._handler.opt.get("errors", ()))
        if admin_only in self.guards:
            families.append(NotFound)
        if signed_in in self.guards:
            families += [Unauthenticated, OtherAccount]
        if own_pages_or_programs in self.guards or (
            signed_in in self.guards and self.method not in SAFE
        ):
            families.append(CrossSite)
        if self.guards:  # they, or what they protect, read the database
            families.append(Unavailable)
        if self._path_names:
            families.append(NotFound)
        if self.body is not None:
            yield 400, "malformed_json", "The body is not valid JSON."
            yield 413, CODES[413], DETAILS[413]
        if self.body is not None or any(self._query_parameters()):
            families.append(Invalid)
        for family in families:
            status = next(STATUS[base] for base in family.__mro__ if base in STATUS)
            yield status, family.code, _sentence(family)
        yield 500, "internal_error", DETAILS[500]

    def _responses(self, shared: Json) -> Json:
        responses: Json = {}
        for status, spec in self.answers():
            responses[str(status)] = self._answer(status, spec)
        by_status: dict[int, Codes] = {}
        for status, code, detail in self.errors():
            by_status.setdefault(status, {})[code] = detail
        for status, codes in sorted(by_status.items()):
            if str(status) in responses:  # an answer of its own, such as the state of health
                continue
            name = ".".join(sorted(codes))
            shared.setdefault(name, _problem(status, codes))
            responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return dict(sorted(responses.items()))

    def _answer(self, status: int, spec: ResponseSpec) -> Json:
        headers = _headers(status)
        if status in range(200, 300):
            for header in self._handler.resolve_response_headers():
                schema = {"type": "string"}
                headers[header.name] = {"description": header.description, "schema": schema}
        answer: Json = {"description": spec.description, "headers": headers}
        if spec.data_container is not None:
            schema = _schema_of(spec.data_container)
            # Not of errors, and not of answers with a type of their own.
            kinds = self._handler.opt.get("media_types") if status in range(200, 300) else None
            names = sorted(kinds or [_plain(spec.media_type)])
            answer["content"] = {name: {"schema": schema} for name in names}
        return answer

    def _query_parameters(self) -> Iterator[Json]:
        for name, field in self._handler.parsed_fn_signature.parameters.items():
            if name not in PROVIDED and name not in self._path_names:
                yield _query_parameter(name, field)


def _sentence(family: type[AppError]) -> str:
    """Return the sentence of the class that defines the code: others of the code say it so, too."""
    bases = [base for base in family.__mro__ if issubclass(base, AppError)]
    return next(base.default_detail for base in bases if "code" in vars(base))


def _plain(media_type: MediaType | str) -> str:
    """Return a media type without its parameters."""
    value = media_type.value if isinstance(media_type, MediaType) else media_type
    return value.partition(";")[0]


def _path_parameter(name: str) -> Json:
    kinds: dict[str, Json] = {
        # That of an invitation, where its id may stand, too.
        "token": {"pattern": "^[A-Za-z0-9_-]{1,200}$"},
        # The SHA-256 of an avatar.
        "hash": {"pattern": "^[0-9a-f]{64}$"},
        "name": {"pattern": f"^{BACKUP_NAME.pattern}$"},
        # As it is, or without U+FE0F.
        "emoji": {"minLength": 1, "maxLength": 64},
    }
    schema = {"type": "string", **kinds.get(name, {"format": "uuid"})}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _header_parameter(header: RequestHeader) -> Json:
    return {
        "name": header.name,
        "in": "header",
        "required": header.is_required,
        "description": header.description,
        "schema": {"type": "string", "pattern": header.pattern},
    }


def _query_parameter(name: str, field: FieldDefinition) -> Json:
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    schema = msgspec.json.schema(kinds[0] if kinds else field.annotation)
    if kinds and schema["type"] != "string":
        schema["type"] = [schema["type"], "null"]  # the word "null" stands for no value
    rules = field.kwarg_definition
    if isinstance(rules, ParameterKwarg):
        limits = {key: getattr(rules, name) for name, key in LIMITS.items()}
        schema |= {key: limit for key, limit in limits.items() if limit is not None}
        schema |= rules.schema_extra or {}
    is_required = not field.has_default
    if not is_required and field.default is not None:
        schema["default"] = field.default
    return {"name": name, "in": "query", "required": is_required, "schema": schema}


def _problem(status: int, codes: Codes) -> Json:
    lines = [f"`{code}`: {sentence}" for code, sentence in sorted(codes.items())]
    narrowed = {"code": {"enum": sorted(codes)}, "status": {"const": status}}
    schema = {"allOf": [_schema_of(Problem), {"properties": narrowed}]}
    return {
        "description": "\n\n".join(lines),
        "headers": _headers(status),
        "content": {PROBLEM: {"schema": schema}},
    }


def _headers(status: int) -> Json:
    names = ["X-Request-ID", *HEADERS_OF.get(status, ())]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _schema_of(kind: Any) -> Json:  # noqa: ANN401  # any type that msgspec encodes
    [schema], _ = msgspec.json.schema_components([kind], ref_template=SCHEMAS)
    return schema


def _schemas(operations: Sequence[_Operation]) -> Json:
    bodies = {one.body: None for one in operations if one.body is not None}
    _, inputs = models_json_schema(
        [(body, "validation") for body in bodies], ref_template=SCHEMAS.replace("{name}", "{model}")
    )
    kinds = [spec.data_container for one in operations for _, spec in one.answers()]
    outputs = [kind for kind in kinds if kind is not None]
    _, shapes = shapes_of([*outputs, Problem])
    return dict(sorted({**inputs["$defs"], **shapes}.items()))


def shapes_of(kinds: Sequence[Any]) -> tuple[Sequence[Json], Json]:
    """Return references to the schemas of `kinds`, and those schemas with all that they contain."""
    references, shapes = msgspec.json.schema_components(kinds, ref_template=SCHEMAS)
    for shape in shapes.values():
        if "description" in shape:  # the docstring, with its indentation
            shape["description"] = cleandoc(shape["description"])
    return references, shapes
