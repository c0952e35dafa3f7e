"""State of the dialogs to make a group and to add people to one."""

from collections.abc import AsyncIterator
from typing import Any, Literal
from uuid import UUID

import reflex as rx
from pydantic import ValidationError

from chat_app.accounts.schemas import Identity, UserCard
from chat_app.conversations.groups.errors import CannotAdd
from chat_app.conversations.groups.schemas import MAX_ADDED, GroupRequest
from chat_app.core.errors import AppError, Invalid
from chat_app.core.input import complaints
from chat_app.friends.queries import search_users
from chat_app.ui.current_node import current_node
from chat_app.ui.groups.rows import PickRow, pick_rows, refusal, refused_of
from chat_app.ui.reflex.vars import BrowserEvent, parse_id_or_nil, set_changed
from chat_app.ui.session import require_identity
from chat_app.ui.told import told

MAX_QUERY_LENGTH = 64
# The id of the search field.
SEARCH_ID = "add-people"


class AddingState(rx.State):
    """The people who were chosen for a group that is being made, or for one that is there."""

    purpose: Literal["", "new", "add"] = ""
    query: str = ""
    found: list[PickRow] = []
    # The query that found the people shown: older than `query` while a search is running.
    found_by: str = ""
    chosen: list[PickRow] = []
    errors: dict[str, str] = {}
    problem: str = ""
    # What happened, for screen readers.
    announcement: str = ""

    _group_id: UUID | None = None
    _found: tuple[UserCard, ...] = ()
    _chosen: tuple[UserCard, ...] = ()

    @rx.event
    async def open_new(self) -> None:
        """Open the dialog to make a group."""
        await require_identity(self)
        self._clear()
        self.purpose = "new"

    @rx.event
    async def open_for(self, group_id: str) -> None:
        """Open the dialog to add people to a group."""
        await require_identity(self)
        self._clear()
        self.purpose, self._group_id = "add", parse_id_or_nil(str(group_id))

    @rx.event
    async def dismiss(self) -> None:
        """Close the dialog."""
        self._clear()

    @rx.event
    async def search(self, text: str) -> AsyncIterator[None]:
        """Show the people whose names contain the text, without those who were chosen."""
        me = await require_identity(self)
        query = str(text).strip()[: MAX_QUERY_LENGTH + 1]
        set_changed(self, query=query, problem="", announcement="")
        if not query:
            self._show_found(())
            return
        yield
        try:
            cards = await self._search(me, query)
        except AppError as error:
            self._show_found(())
            self.problem = error.detail
            return
        self._show_found(cards)
        number = len(self.found)
        self.announcement = told("{n} person found|{n} people found", n=number)

    @rx.event
    async def choose(self, user_id: str) -> list[BrowserEvent] | None:
        """Choose one of the people found."""
        await require_identity(self)
        person = parse_id_or_nil(str(user_id))
        card = next((one for one in self._found if one.id == person), None)
        if card is None or card in self._chosen:
            return None
        if len(self._chosen) >= MAX_ADDED:
            self.problem = told(
                "At most {n} person can be added at once.|At most {n} people can be added at once.",
                n=MAX_ADDED,
            )
            return None
        self._show_chosen((*self._chosen, card))
        set_changed(self, query="", announcement=told("{name} added", name=card.display_name))
        self._show_found(())
        return [rx.set_value(SEARCH_ID, ""), rx.set_focus(SEARCH_ID)]

    @rx.event
    async def drop(self, user_id: str) -> BrowserEvent:
        """Drop one of the people chosen."""
        await require_identity(self)
        person = parse_id_or_nil(str(user_id))
        self._show_chosen(tuple(one for one in self._chosen if one.id != person))
        return rx.set_focus(SEARCH_ID)

    @rx.event
    async def create(self, form: dict[str, Any]) -> BrowserEvent | None:
        """Make the group, and open it."""
        me = await require_identity(self)
        if self.purpose != "new":
            return None
        try:
            data = _request(form, self._chosen)
            made = await current_node().groups.create(actor_id=me.user_id, data=data)
        except AppError as error:
            self._show_error(error)
            return None
        self._clear()
        return rx.redirect(f"/chat/{made.id}")

    @rx.event
    async def add(self) -> None:
        """Add the people chosen to the group."""
        me = await require_identity(self)
        if self.purpose != "add" or self._group_id is None:
            return
        if not self._chosen:
            self.problem = told("Choose somebody first.")
            return
        try:
            await current_node().groups.add_members(
                actor_id=me.user_id,
                conversation_id=self._group_id,
                user_ids=[card.id for card in self._chosen],
            )
        except AppError as error:
            self._show_error(error)
            return
        self._clear()

    async def _search(self, me: Identity, query: str) -> tuple[UserCard, ...]:
        node = current_node()
        async with node.database.reading() as reading:
            cards = await search_users(
                reading, viewer_id=me.user_id, text=query, online=node.online
            )
        chosen = {card.id for card in self._chosen}
        return tuple(card for card in cards if card.id not in chosen)

    def _show_error(self, error: AppError) -> None:
        fields = error.fields if isinstance(error, Invalid | CannotAdd) else {}
        refused = refused_of(fields, self._chosen)
        self._show_chosen(self._chosen, refused=[card.id for card in refused])
        if refused:
            set_changed(self, errors={}, problem=refusal(refused))
        elif fields:
            set_changed(self, errors=dict(fields), problem="")
        else:
            set_changed(self, errors={}, problem=error.detail)

    def _show_found(self, cards: tuple[UserCard, ...]) -> None:
        self._found = cards
        set_changed(self, found=pick_rows(cards), found_by=self.query)

    def _show_chosen(self, cards: tuple[UserCard, ...], refused: list[UUID] | None = None) -> None:
        self._chosen = cards
        set_changed(self, chosen=pick_rows(cards, refused or ()), problem="")

    def _clear(self) -> None:
        self._found, self._chosen, self._group_id = (), (), None
        set_changed(self, purpose="", query="", found=[], found_by="", chosen=[], errors={})
        set_changed(self, problem="", announcement="")


def _request(form: dict[str, Any], chosen: tuple[UserCard, ...]) -> GroupRequest:
    """Return the group that the form describes. Raises Invalid."""
    given = {name: form.get(f"new_{name}", "") for name in ("title", "description")}
    visibility = form.get("new_visibility", "private")
    ids = [str(card.id) for card in chosen]
    try:
        return GroupRequest.model_validate(
            {"kind": "group", **given, "visibility": visibility, "member_ids": ids}
        )
    except ValidationError as error:
        raise complaints(error) from None
