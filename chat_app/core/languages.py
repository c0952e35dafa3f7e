"""The languages of the screens, and the choice among them for a request."""

import re
from typing import Final, Literal, TypeAlias

Language: TypeAlias = Literal["en", "de", "ar"]

# English is where no other one is wanted: it is written in the code. The others have a catalogue
# each, in `chat_app/languages/` (docs/languages.md).
ENGLISH: Final = "en"
# Their own names, for people who read no other one.
NAMES: Final[dict[Language, str]] = {"en": "English", "de": "Deutsch", "ar": "العربية"}
COOKIE: Final = "locale"

MAX_HEADER_LENGTH = 1_000
# RFC 9110, section 12.4.2.
WEIGHT = re.compile(r"0(\.[0-9]*)?|1(\.0*)?")


def language_of(name: str | None) -> Language | None:
    """Return the language of a name such as "de", None where the screens are not in it."""
    return next((language for language in NAMES if language == name), None)


def accepted_language(header: str) -> Language:
    """Return the best language of an `Accept-Language` header; English where there is none.

    "de-CH" accepts German (RFC 4647, section 3.4).
    """
    wanted: list[tuple[float, Language]] = []
    for part in header[:MAX_HEADER_LENGTH].split(","):
        name, _, parameter = part.partition(";")
        language = language_of(name.strip().lower().partition("-")[0])
        quality = _quality(parameter)
        if language is not None and quality > 0:
            wanted.append((quality, language))
    # Of equal ones the first.
    return max(wanted, key=lambda one: one[0], default=(0, ENGLISH))[1]


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.strip().lower() == "q":
            return float(value) if WEIGHT.fullmatch(value.strip()) else 0.0
    return 1.0
