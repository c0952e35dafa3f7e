"""A person's face while they have no picture: their initials on a colour that stays theirs."""

import unicodedata
from uuid import UUID

import reflex as rx

TONES = 12


def initials(name: str) -> str:
    """Take the first letters of the first and the last word, in any script."""
    letters = [
        next((sign for sign in word if unicodedata.category(sign)[0] in "LN"), "")
        for word in name.split()
    ]
    letters = [letter for letter in letters if letter]
    return "".join(letters[:1] + letters[1:][-1:]).upper() or "?"


def tone(user_id: UUID) -> str:
    """Name the style class of a person's colour: the same on every screen, for ever."""
    return f"tone-{user_id.int % TONES}"


def avatar(
    letters: str | rx.Var[str],
    tone_class: str | rx.Var[str],
    online: bool | rx.Var[bool] | None = None,  # noqa: FBT001  # a part of the face, like its colour
) -> rx.Component:
    """Show the face, with a dot while the person is `online` where that is told.

    The name always stands beside it, so it is not heard; the dot is.
    """
    face = rx.el.span(letters, class_name=["avatar", tone_class], aria_hidden="true")
    if online is None:
        return face
    dot = rx.el.span(role="img", aria_label="Online", title="Online", class_name="online-dot")
    return rx.el.span(face, rx.cond(online, dot), class_name="face")
