"""Handlers of the details of a group; what they show is in its view."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Literal, TypeAlias
from uuid import UUID

import reflex as rx
from pydantic import ValidationError

from chat_app.accounts.schemas import Identity
from chat_app.conversations.groups.schemas import GroupChange, MembershipRequest, RoleRequest
from chat_app.conversations.invites.queries import list_invites
from chat_app.conversations.invites.schemas import InviteRequest
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError, Invalid
from chat_app.core.input import complaints
from chat_app.ui.current_node import current_node
from chat_app.ui.groups.rows import InviteRow, invite_row
from chat_app.ui.groups.view import GroupView
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.vars import BrowserEvent, parse_id, parse_id_or_nil, set_changed
from chat_app.ui.session import require_identity

CHAT_PATH = "/chat/"
MAX_QUERY_LENGTH = 64
MAX_SHOWN_ID = 100
# The dialogs that need nothing loaded.
QUESTIONS: dict[str, Literal["edit", "leave", "delete"]] = {
    "edit": "edit",
    "leave": "leave",
    "delete": "delete",
}
# How long a conversation can be muted, in hours.
PERIODS = {"hour": 1, "day": 8, "week": 7 * 24}
FIELDS = ("title", "description", "visibility", "history", "posting")
# How long an invitation is valid, in seconds.
LIFETIMES = {"hour": 3_600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}
USES = {"any": None, "1": 1, "10": 10, "100": 100}

# A call of a service for one person about one group.
GroupAction: TypeAlias = Callable[[Identity, UUID], Awaitable[object]]


class GroupState(rx.State):
    """The details of a group: the open dialog, and what failed.

    `failed_id` is the member whose button failed last, and `failed` the reason; without a member
    it is about the open dialog, else about the details themselves.
    """

    asking: Literal["", "edit", "invite", "leave", "delete"] = ""
    failed: str = ""
    failed_id: str = ""
    errors: dict[str, str] = {}
    # The invitation that was made in this tab, and all that are valid.
    link: str = ""
    # Its QR code, as the address of a picture.
    link_qr: str = ""
    invites: list[InviteRow] = []

    # The group that `link` leads to, and the id of the invitation.
    _link_group: UUID | None = None
    _link_id: UUID | None = None

    @rx.event
    async def arrive(self) -> None:
        """Close the details of a group when the page of another conversation is opened."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            view = tab.view(GroupView)
            here = self.router.url.path.rstrip("/")
            if view.group_id is not None and here != f"{CHAT_PATH}{view.group_id}":
                view.close()
                self._forget()

    @rx.event
    async def follow(self, group_id: str) -> None:
        """Follow the group whose details the page shows: its link may have been broken."""
        await require_identity(self)
        tab = tab_of(self)
        wanted = parse_id_or_nil(str(group_id))
        async with tab.changing():
            view = tab.view(GroupView)
            if view.group_id != wanted:
                await view.open(wanted)

    @rx.event
    async def load_again(self) -> None:
        """Send the details again: changes of large groups are no events."""
        await require_identity(self)
        tab = tab_of(self)
        try:
            async with tab.changing():
                await tab.view(GroupView).reload()
        except AppError as error:
            set_changed(self, failed=error.detail, failed_id="")

    @rx.event
    async def toggle(self, group_id: str) -> None:
        """Open the details of a group, or close them."""
        await require_identity(self)
        tab = tab_of(self)
        self._forget()
        wanted = parse_id_or_nil(str(group_id))
        async with tab.changing():
            view = tab.view(GroupView)
            if view.group_id == wanted:
                view.close()
            else:
                await view.open(wanted)

    @rx.event
    async def close(self) -> None:
        """Close the details."""
        await require_identity(self)
        tab = tab_of(self)
        self._forget()
        async with tab.changing():
            tab.view(GroupView).close()

    @rx.event
    async def search(self, text: str) -> None:
        """Show the members whose names contain the text."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(GroupView).search(str(text).strip()[: MAX_QUERY_LENGTH + 1])

    @rx.event
    async def load_more(self) -> None:
        """Show further members."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(GroupView).load_more()

    @rx.event
    async def ask(self, question: str) -> None:
        """Open a dialog of the details."""
        await require_identity(self)
        self._forget()
        self.asking = QUESTIONS.get(str(question), "")

    @rx.event
    async def dismiss(self) -> None:
        """Close the dialog."""
        self._forget()

    @rx.event
    async def save(self, form: dict[str, Any]) -> None:
        """Change what the form of the details holds."""
        given = {name: form[name] for name in FIELDS if name in form}

        async def change(me: Identity, group_id: UUID) -> None:
            try:
                data = GroupChange.model_validate(given)
            except ValidationError as error:
                raise complaints(error) from None
            await current_node().groups.change(
                actor_id=me.user_id, conversation_id=group_id, data=data
            )

        if await self._act(change):
            self._forget()

    @rx.event
    async def set_role(self, user_id: str, role: str) -> None:
        """Set the role of a member."""

        async def change(me: Identity, group_id: UUID) -> None:
            try:
                data = RoleRequest.model_validate({"role": role})
            except ValidationError as error:
                raise complaints(error) from None
            await current_node().groups.set_role(
                actor_id=me.user_id,
                conversation_id=group_id,
                user_id=parse_id(user_id),
                role=data.role,
            )

        await self._act(change, about=user_id)

    @rx.event
    async def remove(self, user_id: str) -> None:
        """Remove another member."""

        async def remove(me: Identity, group_id: UUID) -> None:
            person = parse_id(user_id)
            # The own id would leave the group, without a question.
            if person != me.user_id:
                await current_node().groups.remove_member(
                    actor_id=me.user_id, conversation_id=group_id, user_id=person
                )

        await self._act(remove, about=user_id)

    @rx.event
    async def leave(self) -> BrowserEvent | None:
        """Leave the group."""

        async def leave(me: Identity, group_id: UUID) -> None:
            await current_node().groups.remove_member(
                actor_id=me.user_id, conversation_id=group_id, user_id=me.user_id
            )

        return await self._end(leave)

    @rx.event
    async def delete(self) -> BrowserEvent | None:
        """Delete the group for all."""

        async def delete(me: Identity, group_id: UUID) -> None:
            await current_node().groups.delete(actor_id=me.user_id, conversation_id=group_id)

        return await self._end(delete)

    @rx.event
    async def mute(self, period: str) -> None:
        """Mute the group for a period, "forever", or not at all: "off"."""
        until = _muted_until(period)
        if until is not None or period == "off":
            await self._set_own(muted_until=until)

    @rx.event
    async def set_favourite(self, on: bool) -> None:  # noqa: FBT001  # the switch's position
        """Set whether the group is one of the user's favourites."""
        await self._set_own(favourite=on)

    @rx.event
    async def set_archived(self, on: bool) -> None:  # noqa: FBT001  # the state wanted
        """Archive the group for the user, or not any more."""
        await self._set_own(archived=on)

    @rx.event
    async def show_invites(self) -> None:
        """Open the dialog of invitations, with a link to the group."""
        await require_identity(self)
        self._forget()
        self.asking = "invite"
        await self._act(self._show_link)

    @rx.event
    async def invite(self, form: dict[str, Any]) -> None:
        """Make a link with a lifetime and a number of uses."""
        lifetime, uses = str(form.get("lifetime")), str(form.get("uses"))
        if lifetime in LIFETIMES and uses in USES:
            data = InviteRequest(expires_in=LIFETIMES[lifetime], max_uses=USES[uses])

            async def invite(me: Identity, group_id: UUID) -> None:
                await self._make_link(me, group_id, data)

            await self._act(invite)

    @rx.event
    async def withdraw(self, invite_id: str) -> None:
        """Withdraw an invitation."""

        async def withdraw(me: Identity, group_id: UUID) -> None:
            wanted = parse_id(invite_id)
            await current_node().invitations.withdraw(actor_id=me.user_id, invite_id=wanted)
            if wanted == self._link_id:
                self._drop_link()
            await self._load_invites(me, group_id)

        await self._act(withdraw)

    async def _show_link(self, me: Identity, group_id: UUID) -> None:
        await self._load_invites(me, group_id)
        is_valid = any(row["id"] == str(self._link_id) for row in self.invites)
        if self._link_group != group_id or not is_valid:
            await self._make_link(me, group_id, InviteRequest())

    async def _make_link(self, me: Identity, group_id: UUID, data: InviteRequest) -> None:
        made = await current_node().invitations.create(
            actor_id=me.user_id, conversation_id=group_id, data=data
        )
        self._link_group, self._link_id = group_id, made.id
        set_changed(self, link=made.url, link_qr=made.qr)
        await self._load_invites(me, group_id)

    async def _load_invites(self, me: Identity, group_id: UUID) -> None:
        async with current_node().database.reading() as reading:
            found = await list_invites(reading, viewer_id=me.user_id, conversation_id=group_id)
        set_changed(self, invites=[invite_row(one) for one in found.items])

    async def _set_own(self, **given: object) -> None:
        async def change(me: Identity, group_id: UUID) -> None:
            try:
                data = MembershipRequest.model_validate(given)
            except ValidationError as error:
                raise complaints(error) from None
            await current_node().groups.change_membership(
                actor_id=me.user_id, conversation_id=group_id, data=data
            )

        await self._act(change)

    async def _end(self, action: GroupAction) -> BrowserEvent | None:
        if not await self._act(action):
            return None
        self._forget()
        return rx.redirect("/")

    async def _act(self, action: GroupAction, *, about: str = "") -> bool:
        """Do something with the group whose details are open; return whether that worked."""
        me = await require_identity(self)
        tab = tab_of(self)
        group_id = tab.view(GroupView).group_id
        set_changed(self, failed="", failed_id="", errors={})
        if group_id is None:
            return False
        try:
            await action(me, group_id)
        except Invalid as error:
            detail = "" if set(error.fields) <= set(FIELDS) else error.detail
            set_changed(self, errors=error.fields, failed=detail)
            return False
        except AppError as error:
            set_changed(self, failed=error.detail, failed_id=str(about)[:MAX_SHOWN_ID])
            return False
        # At once: the notice about it may take a moment.
        async with tab.changing():
            if tab.view(GroupView).group_id == group_id:
                await tab.view(GroupView).reload()
        return True

    def _forget(self) -> None:
        set_changed(self, asking="", failed="", failed_id="", errors={}, invites=[])

    def _drop_link(self) -> None:
        self._link_group = self._link_id = None
        set_changed(self, link="", link_qr="")


def _muted_until(period: str) -> str | None:
    if period == "forever":
        return period
    hours = PERIODS.get(str(period))
    return None if hours is None else (utc_now() + timedelta(hours=hours)).isoformat()
