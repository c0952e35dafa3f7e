"""Avatars: a person's initials on a colour derived from their id."""

import unicodedata
from uuid import UUID

import reflex as rx

TONES = 12


def initials(name: str) -> str:
    """Return the first letters of the first and the last word of a name, in any script.

    A name without letters has its first sign, such as an emoji.
    """
    letters = [
        next((sign for sign in word if unicodedata.category(sign)[0] in "LN"), "")
        for word in name.split()
    ]
    letters = [letter for letter in letters if letter]
    return "".join(letters[:1] + letters[1:][-1:]).upper() or name.strip()[:1] or "?"


def tone(user_id: UUID) -> str:
    """Return the style class of a person's colour, which depends on their id alone."""
    return f"tone-{user_id.int % TONES}"


def avatar(
    letters: str | rx.Var[str],
    tone_class: str | rx.Var[str],
    online: bool | rx.Var[bool] | None = None,  # noqa: FBT001  # a part of the face, like its colour
) -> rx.Component:
    """Show an avatar, with a dot while the person is `online`; None shows no presence.

    The name always stands beside it, so screen readers skip the initials but announce the dot.
    """
    face = rx.el.span(letters, class_name=["avatar", tone_class], aria_hidden="true")
    if online is None:
        return face
    dot = rx.el.span(role="img", aria_label="Online", title="Online", class_name="online-dot")
    return rx.el.span(face, rx.cond(online, dot), class_name="face")
