"""Input: the base of request bodies and frames, with strict types and no unknown field."""

from datetime import UTC, datetime
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


def moment_of(value: object) -> object:
    """Return the time of a text in RFC 3339, in UTC; strict models take none otherwise."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = "This is not a time with its zone."
        raise ValueError(message)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        message = "This time is out of range."
        raise ValueError(message) from None


Moment = Annotated[datetime, BeforeValidator(moment_of)]


def _whole(value: object) -> object:
    # JSON has one type of numbers: 1.0 is the integer 1 there.
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)


# The control characters (C0, C1, DEL) that a text may not hold, by those that it may.
CONTROL = {
    "": r"\u0000-\u001f\u007f-\u009f",
    "\n": r"\u0000-\u0009\u000b-\u001f\u007f-\u009f",
    "\t\n": r"\u0000-\u0008\u000b-\u001f\u007f-\u009f",
}


def text_pattern(*, allowed: str = "", may_be_blank: bool = False) -> str:
    """Return the pattern of texts without control characters, for a published schema."""
    control = CONTROL[allowed]
    return f"^[^{control}]*$" if may_be_blank else rf"^[^{control}]*[^\s{control}][^{control}]*$"


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
