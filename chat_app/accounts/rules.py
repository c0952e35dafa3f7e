"""What usernames, display names and passwords may be. Each rule returns the text to store.

All raise ValueError with a sentence for people.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

from chat_app.core.text import (
    fold,
    has_control,
    has_invisible,
    has_lone_surrogate,
    has_stacked_marks,
    shows_something,
    turns_text,
)

USERNAME = re.compile(r"[a-z0-9][a-z0-9_.-]{2,31}", re.IGNORECASE | re.ASCII)
MAX_DISPLAY_NAME_LENGTH = 100
MAX_MARKS = 3
# Blanks that keyboards and password managers put around a name; line breaks are not among them.
BLANKS = " \t\u00a0\u3000"
# The name that a deleted account shows.
DELETED_NAME = "Deleted user"
MAX_STATUS_LENGTH = 100
MAX_BIO_LENGTH = 500
MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 128


def clean_username(text: str) -> str:
    """Return the username in its plain form: a full-width spelling is the same name."""
    if not 1 <= len(text) <= 4 * 32:
        message = "Choose a username of 3 to 32 characters."
        raise ValueError(message)
    plain = unicodedata.normalize("NFKC", text.strip(BLANKS))
    if not 3 <= len(plain) <= 32:  # noqa: PLR2004  # the numbers of the sentence below
        message = "Choose a username of 3 to 32 characters."
        raise ValueError(message)
    if not USERNAME.fullmatch(plain):
        # Without " - ", at which Litestar cuts what a field's error says.
        message = "Use letters a to z, digits, and _ . or -, and start with a letter or digit."
        raise ValueError(message)
    return plain


def typed_username(text: str) -> str:
    """Return the username that somebody types to sign in: with blanks around it, or as `@name`."""
    return text.strip(BLANKS).removeprefix("@")


def username_key(username: str) -> str:
    """Return what makes two usernames the same."""
    return unicodedata.normalize("NFKC", username).casefold()


def is_possible_username(key: str) -> bool:
    """Whether anybody could have this username, so that it is worth looking up."""
    return USERNAME.fullmatch(key) is not None


def clean_display_name(text: str) -> str:
    """Return the display name without outer spaces, composed."""
    name = unicodedata.normalize("NFC", text.strip()) if len(text) <= 1000 else text  # noqa: PLR2004  # far beyond any name: do not normalise a flood
    if not 1 <= len(name) <= MAX_DISPLAY_NAME_LENGTH:
        message = f"Choose a name of 1 to {MAX_DISPLAY_NAME_LENGTH} characters."
        raise ValueError(message)
    if has_invisible(name):
        message = "The name holds characters that cannot be seen."
        raise ValueError(message)
    if has_stacked_marks(name, most=MAX_MARKS):
        message = "The name holds too many marks on one letter."
        raise ValueError(message)
    if fold(name) == fold(DELETED_NAME):
        message = "This name is kept for deleted accounts."
        raise ValueError(message)
    return name


def clean_status_text(text: str) -> str:
    """Return the one line about now, without outer spaces; it may be empty."""
    return _clean_words(text, MAX_STATUS_LENGTH, allowed="")


def clean_bio(text: str) -> str:
    """Return the lines about oneself, without outer spaces; there may be none."""
    return _clean_words(text.replace("\r\n", "\n"), MAX_BIO_LENGTH, allowed="\n")


def _clean_words(text: str, longest: int, *, allowed: str) -> str:
    words = text.strip()
    # Composing may shorten, and a flood is not worth composing.
    words = unicodedata.normalize("NFC", words) if len(words) <= 4 * longest else words
    if len(words) > longest:
        message = f"Write at most {longest} characters."
        raise ValueError(message)
    separators = "\u2028\u2029"
    if (
        has_lone_surrogate(words)
        or has_control(words, allowed=allowed)
        or turns_text(words)
        or any(letter in separators for letter in words)
        or (words and not shows_something(words))
    ):
        message = "The text holds characters that cannot be used."
        raise ValueError(message)
    return words


def check_password_shape(text: str) -> str:
    """Return the password in the form that is hashed: keyboards type letters with marks in two."""
    if len(text) > MAX_PASSWORD_LENGTH:
        message = f"A password has at most {MAX_PASSWORD_LENGTH} characters."
        raise ValueError(message)
    if "\x00" in text or has_lone_surrogate(text):
        message = "The password holds characters that cannot be used."
        raise ValueError(message)
    return unicodedata.normalize("NFC", text)


def check_new_password(text: str, username: str) -> str:
    """Return the password in the form that is hashed, if it is good enough to be set."""
    text = check_password_shape(text)
    if len(text) < MIN_PASSWORD_LENGTH:
        message = f"Choose a password of at least {MIN_PASSWORD_LENGTH} characters."
        raise ValueError(message)
    if username and username_key(text) == username_key(username):
        message = "The password must not be the username."
        raise ValueError(message)
    if text.casefold() in _common_passwords() or len(set(text)) <= 2:  # noqa: PLR2004  # "aaaaaaaaaa", "abababababab"
        message = "This password is one that everybody tries first. Choose another."
        raise ValueError(message)
    return text


@cache
def _common_passwords() -> frozenset[str]:
    path = Path(__file__).with_name("common_passwords.txt")
    return frozenset(path.read_text(encoding="utf-8").split())
