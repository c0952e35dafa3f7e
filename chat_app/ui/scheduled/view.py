"""The scheduled messages and the reminders of a tab's user."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chat_app.accounts.queries import people_by_id
from chat_app.core.errors import AppError
from chat_app.messages.due.queries import list_reminders, list_scheduled
from chat_app.messages.schemas import Reminder
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRemoved,
    ConversationUpdated,
    MessageDeleted,
    MessageUpdated,
    ReminderDue,
    ReminderUpdated,
    ScheduledUpdated,
)
from chat_app.realtime.shapes import Scheduled
from chat_app.ui.conversations.titles import Title, conversation_titles, name_in
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.patches import Patch, difference
from chat_app.ui.reflex.tab import Tab
from chat_app.ui.scheduled.rows import ReminderRow, ScheduledRow, reminder_row, scheduled_row

LIST = "scheduled"
REMINDERS = "reminders"


class ScheduledView:
    """The scheduled messages and the reminders of a user, while a tab shows their screen.

    About the list of scheduled messages: `loaded`, and a `problem`; they hold for both.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        self._is_open = False
        self._scheduled: Mapping[str, ScheduledRow] = {}
        self._reminders: Mapping[str, ReminderRow] = {}
        # The conversations whose names are shown, those that the user has left among them.
        self._shown: set[UUID] = set()

    async def open(self) -> None:
        """Send both lists, and follow them."""
        self._is_open = True
        try:
            # All of both: the page may have missed a change while its link was down.
            await self._load(afresh=True)
        except AppError as error:
            self._send(self._scheduled, self._reminders, problem=error.detail)

    def close(self) -> None:
        """Follow them no more, and remove them from the page, which shows another one."""
        self._is_open = False
        self._scheduled, self._reminders = {}, {}
        self._tab.send(
            Patch(list=LIST, reset=True, about={"loaded": False}),
            Patch(list=REMINDERS, reset=True),
        )

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Load them again where one of these events changes them."""
        if self._is_open and any(self._is_changed_by(event) for event in events):
            await self._load()

    async def reload(self) -> None:
        """Send what has changed, if they are shown."""
        if self._is_open:
            await self._load()

    def _is_changed_by(self, event: AnyEvent) -> bool:
        match event:
            case ScheduledUpdated() | ReminderUpdated() | ReminderDue() | ConversationRemoved():
                return True
            case MessageUpdated(message=message) | MessageDeleted(message=message):
                return str(message.id) in self._reminders
            case ConversationUpdated(conversation=conversation):
                # Its name may have changed, or the user is in it again.
                return conversation.id in self._shown
            case _:
                return False

    async def _load(self, *, afresh: bool = False) -> None:
        database = current_node().database
        scheduled = await list_scheduled(database, viewer_id=self._viewer_id)
        reminders = await list_reminders(database, viewer_id=self._viewer_id)
        # Due reminders are notices on every page.
        to_come = [one for one in reminders.items if not one.due]
        titles = await self._titles(scheduled.items, to_come)
        rows = [scheduled_row(one, titles) for one in scheduled.items]
        reminded = [
            reminder_row(
                one,
                order,
                viewer_id=self._viewer_id,
                about=name_in(titles, one.message.conversation_id),
            )
            for order, one in enumerate(to_come)
        ]
        self._send(
            {row["id"]: row for row in rows}, {row["id"]: row for row in reminded}, afresh=afresh
        )

    async def _titles(
        self, scheduled: Sequence[Scheduled], reminders: Sequence[Reminder]
    ) -> dict[UUID, Title]:
        here = {one.conversation_id for one in scheduled if one.conversation_id}
        here |= {one.message.conversation_id for one in reminders}
        self._shown = here
        titles = await conversation_titles(here, viewer_id=self._viewer_id)
        people = {one.receiver_id for one in scheduled if one.receiver_id}
        if people:
            async with current_node().database.reading() as session:
                found = await people_by_id(session, user_ids=people)
            titles |= {
                one.id: Title(one.display_name, one.id, one.avatar_url or "")
                for one in found.values()
            }
        return titles

    def _send(
        self,
        scheduled: Mapping[str, ScheduledRow],
        reminders: Mapping[str, ReminderRow],
        *,
        problem: str = "",
        afresh: bool = False,
    ) -> None:
        patch = difference(LIST, {} if afresh else self._scheduled, scheduled)
        reminded = difference(REMINDERS, {} if afresh else self._reminders, reminders)
        if afresh:
            patch["reset"] = reminded["reset"] = True
        patch["about"] = {
            "loaded": not problem or bool(scheduled or reminders),
            "kept": False,
            "problem": problem,
        }
        self._tab.send(patch, reminded)
        self._scheduled, self._reminders = scheduled, reminders
