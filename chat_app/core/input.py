"""Input: the base of request bodies and frames, with strict types and no unknown field."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from chat_app.core.errors import Invalid


def _id_of(value: object) -> object:
    # Strict everywhere, but an id arrives as text: JSON has no type for it.
    if not isinstance(value, str):
        return value
    try:
        return UUID(value)
    except ValueError:
        raise ValueError("This is not an id.") from None


Id = Annotated[UUID, BeforeValidator(_id_of)]


class Input(BaseModel):
    """The base of request bodies; each unknown or wrong field is refused by name."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def complaints(error: ValidationError) -> Invalid:
    """Convert pydantic's errors to Invalid, with one sentence for each field."""
    fields: dict[str, str] = {}
    for finding in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in finding["loc"]) or "body"
        text = finding["msg"].removeprefix("Value error, ")
        fields.setdefault(name, text if text.endswith(".") else f"{text}.")
    return Invalid(fields)
