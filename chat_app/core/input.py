"""The base of everything that comes in: strict types, no unknown field."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chat_app.core.errors import Invalid

# Strict everywhere, but an id arrives as text: JSON has no type for it.
Id = Annotated[UUID, Field(strict=False)]


class Input(BaseModel):
    """A body as a client may send it; anything else is refused, field by field."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def complaints(error: ValidationError) -> Invalid:
    """Turn pydantic's findings into one sentence a field."""
    fields: dict[str, str] = {}
    for finding in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in finding["loc"]) or "body"
        text = finding["msg"].removeprefix("Value error, ")
        fields.setdefault(name, text if text.endswith(".") else f"{text}.")
    return Invalid(fields)
