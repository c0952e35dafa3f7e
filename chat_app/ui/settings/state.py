"""State of the settings screen."""

from typing import Any, Literal

import reflex as rx
from pydantic import ValidationError

from chat_app.accounts.queries import open_sessions, own_user
from chat_app.accounts.schemas import Identity, OwnUser, ProfileChange
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError, Invalid
from chat_app.core.input import complaints
from chat_app.ui.conversations.rows import timestamp
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.vars import parse_id_or_nil, set_changed
from chat_app.ui.session import require_identity
from chat_app.ui.settings.rows import EMPTY_PROFILE, DeviceRow, Profile, device_row, profile_of

ROUTE = "/settings"
FORM_FIELDS = ("display_name", "status_text", "bio")


class SettingsState(rx.State):
    """The own profile and preferences, and the open sessions."""

    profile: Profile = EMPTY_PROFILE
    accept_messages_from: Literal["everyone", "friends"] = "everyone"
    share_presence: bool = True
    push_preview: bool = False
    # Empty for that of the browser.
    locale: str = ""
    # Both are empty without quiet hours.
    quiet_from: str = ""
    quiet_to: str = ""
    # Counts the times that the choice was changed elsewhere: the radio buttons are drawn again.
    choice_version: int = 0
    devices: list[DeviceRow] = []
    errors: dict[str, str] = {}
    saved_at: str = ""
    problem: str = ""

    # Loaded by `_preload`: the page's own handler need not load again.
    _preloaded: bool = False

    @rx.event
    async def load(self) -> None:
        """Load the settings."""
        me = await require_identity(self)
        if not self._preloaded:
            await self._load(me)
        self._preloaded = False

    @rx.event
    async def refresh(self) -> None:
        """Load what other tabs and devices may have changed: open sessions and privacy."""
        me = await require_identity(self)
        try:
            async with current_node().database.reading() as reading:
                user = await own_user(reading, user_id=me.user_id)
            await self._load_devices(me)
        except AppError as error:
            self.problem = error.detail
            return
        if user.accept_messages_from != self.accept_messages_from:
            self.choice_version += 1
        await self._show_preferences(user)

    @rx.event
    async def show_picture(self) -> None:
        """Show the own avatar as it is now."""
        me = await require_identity(self)
        try:
            async with current_node().database.reading() as reading:
                user = await own_user(reading, user_id=me.user_id)
        except AppError as error:
            self.problem = error.detail
            return
        picture = profile_of(user)["picture"]
        set_changed(self, profile={**self.profile, "picture": picture}, problem="")

    @rx.event
    async def save(self, form: dict[str, Any]) -> None:
        """Save the profile, or show beside the fields what is wrong."""
        me = await require_identity(self)
        given = {name: form[name] for name in FORM_FIELDS if name in form}
        if await self._change(me, **given):
            self.saved_at = timestamp(utc_now())

    @rx.event
    async def accept_from(self, who: str) -> None:
        """Set who may message the user: "everyone" or "friends"."""
        await self._change(await require_identity(self), accept_messages_from=who)

    @rx.event
    async def show_presence(self, on: bool) -> None:  # noqa: FBT001  # the switch's position
        """Set whether others see the user's presence."""
        await self._change(await require_identity(self), share_presence=on)

    @rx.event
    async def play_sounds(self, on: bool) -> None:  # noqa: FBT001  # the switch's position
        """Set whether messages from others play a sound."""
        await self._change(await require_identity(self), sound=on)

    @rx.event
    async def show_text(self, on: bool) -> None:  # noqa: FBT001  # the switch's position
        """Set whether a push holds the text of its message."""
        await self._change(await require_identity(self), push_preview=on)

    @rx.event
    async def keep_quiet(self, start: str, end: str, time_zone: str) -> None:
        """Set the quiet hours, in the time zone of the browser; empty ones end them."""
        hours = {"from": start, "to": end, "time_zone": time_zone} if start or end else None
        await self._change(await require_identity(self), quiet_hours=hours)

    @rx.event
    async def end_device(self, session_id: str) -> None:
        """End one of the user's sessions."""
        me = await require_identity(self)
        try:
            accounts = current_node().accounts
            await accounts.end_session(actor_id=me.user_id, session_id=parse_id_or_nil(session_id))
            await self._load_devices(me)
        except AppError as error:
            self.problem = error.detail

    @rx.event
    async def end_others(self) -> None:
        """End all sessions of the user but this one."""
        me = await require_identity(self)
        try:
            await current_node().accounts.end_other_sessions(me)
            await self._load_devices(me)
        except AppError as error:
            self.problem = error.detail

    async def _load(self, me: Identity) -> None:
        set_changed(self, errors={}, saved_at="", problem="")
        try:
            async with current_node().database.reading() as reading:
                user = await own_user(reading, user_id=me.user_id)
            await self._load_devices(me)
        except AppError as error:
            self.problem = error.detail
            return
        await self._show_profile(user)

    async def _load_devices(self, me: Identity) -> None:
        async with current_node().database.reading() as reading:
            found = await open_sessions(reading, viewer=me)
        set_changed(self, devices=[device_row(one) for one in found], problem="")

    async def _change(self, me: Identity, **given: object) -> bool:
        """Change the given fields of the own profile; return whether that worked."""
        set_changed(self, errors={}, saved_at="", problem="")
        try:
            changes = _validated(given)
            accounts = current_node().accounts
            user = await accounts.change_profile(actor_id=me.user_id, changes=changes)
        except Invalid as error:
            self.errors = error.fields
            return False
        except AppError as error:
            self.problem = error.detail
            return False
        await self._show_profile(user)
        return True

    async def _show_profile(self, user: OwnUser) -> None:
        set_changed(self, profile=profile_of(user))
        await self._show_preferences(user)

    async def _show_preferences(self, user: OwnUser) -> None:
        hours = user.quiet_hours
        set_changed(
            self,
            accept_messages_from=user.accept_messages_from,
            share_presence=user.share_presence,
            push_preview=user.push_preview,
            locale=user.locale or "",
            quiet_from=hours.start if hours else "",
            quiet_to=hours.end if hours else "",
        )
        await tab_of(self).show_profile(user)

    async def _preload(self, me: Identity) -> None:
        await self._load(me)
        self._preloaded = True


def _validated(given: dict[str, object]) -> ProfileChange:
    try:
        return ProfileChange.model_validate(given)
    except ValidationError as error:
        raise complaints(error) from None
