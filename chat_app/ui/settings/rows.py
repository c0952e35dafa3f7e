"""What the settings show, made from an own profile and open sessions."""

from typing import TypedDict

from chat_app.accounts.schemas import OpenSession, OwnUser
from chat_app.ui.conversations.rows import stamp
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.settings.clients import client_name


class Profile(TypedDict):
    """The own profile; `id` is empty until it is loaded."""

    id: str
    username: str
    display_name: str
    status_text: str
    bio: str
    letters: str
    tone: str


class DeviceRow(TypedDict):
    """A place where one is signed in."""

    id: str
    client: str
    address: str
    first_used: str
    last_used: str
    current: bool


NOBODY = Profile(id="", username="", display_name="", status_text="", bio="", letters="", tone="")


def profile_of(user: OwnUser) -> Profile:
    """Show a profile to its owner."""
    return Profile(
        id=str(user.id),
        username=user.username,
        display_name=user.display_name,
        status_text=user.status_text,
        bio=user.bio,
        letters=initials(user.display_name),
        tone=tone(user.id),
    )


def device_row(session: OpenSession) -> DeviceRow:
    """Show a session."""
    return DeviceRow(
        id=str(session.id),
        client=client_name(session.user_agent),
        address=session.address,
        first_used=stamp(session.created_at),
        last_used=stamp(session.last_used_at),
        current=session.current,
    )
