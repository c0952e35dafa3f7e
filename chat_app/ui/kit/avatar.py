"""Avatars: initials on a colour derived from an id, and the picture over them, if there is one."""

import unicodedata
from uuid import UUID

import reflex as rx

from chat_app.ui.reflex.elements import call_script, say
from chat_app.ui.reflex.vars import Cells

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


def avatar(row: Cells, *, online: rx.Var[bool] | None = None) -> rx.Component:
    """Show the avatar of a row, with a dot while the person is `online`; None shows no presence.

    The row has `letters`, `tone` and `picture`. The name always stands beside it, so screen readers
    skip the avatar but announce the dot.
    """
    face = rx.el.span(
        row["letters"],
        call_script("avatar.js", "avatarPicture", row["picture"]),
        class_name=["avatar", row["tone"]],
        aria_hidden="true",
    )
    if online is None:
        return face
    dot = rx.el.span(
        role="img", aria_label=say("Online"), title=say("Online"), class_name="online-dot"
    )
    return rx.el.span(face, rx.cond(online, dot), class_name="face")
