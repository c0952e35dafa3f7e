"""The reminders that have become due, for a notice in a tab."""

from collections.abc import Sequence

from chat_app.core.errors import AppError
from chat_app.messages.due.queries import due_reminders
from chat_app.realtime.events import AnyEvent, MessageDeleted, ReminderDue, ReminderUpdated
from chat_app.realtime.shapes import Message
from chat_app.ui.conversations.titles import conversation_titles, name_in
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.patches import Patch
from chat_app.ui.reflex.tab import Tab
from chat_app.ui.saved.rows import FoundRow, found_row

LIST = "due"


class DueView:
    """Sends a tab each reminder that becomes due; the page keeps it until it is dismissed there.

    The server has done its part then: what a page was sent, it is not sent again.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        # The messages of which this tab was reminded.
        self._sent: set[str] = set()

    async def open(self) -> None:
        """Show what became due while no device of the user was connected."""
        try:
            due = await due_reminders(current_node().database, viewer_id=self._viewer_id)
        except AppError:
            # They stay due, for the next page.
            return
        for envelope in due:
            self._tab.push(envelope)

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Send the reminders among these events; withdraw those that are gone or set again."""
        due: dict[str, Message] = {}
        gone = set[str]()
        for event in events:
            match event:
                case ReminderDue(message=message):
                    due[str(message.id)] = message
                    gone.discard(str(message.id))
                case ReminderUpdated(message_id=message_id):
                    # The page may have kept the notice since before this tab.
                    due.pop(str(message_id), None)
                    gone.add(str(message_id))
                case MessageDeleted(message=message):
                    if due.pop(str(message.id), None) or str(message.id) in self._sent:
                        gone.add(str(message.id))
                case _:
                    pass
        if due:
            self._sent |= due.keys()
            self._tab.send(Patch(list=LIST, put=await self._rows(list(due.values()))))
        if gone:
            self._tab.send(Patch(list=LIST, drop=sorted(gone)))

    async def reload(self) -> None:
        """Show what became due meanwhile."""
        await self.open()

    async def _rows(self, messages: Sequence[Message]) -> list[FoundRow]:
        ids = {message.conversation_id for message in messages}
        try:
            titles = await conversation_titles(ids, viewer_id=self._viewer_id)
        except AppError:
            # The message matters more than the name of its conversation.
            titles = {}
        return [
            found_row(
                message,
                # The oldest message first.
                int(message.created_at.timestamp()),
                viewer_id=self._viewer_id,
                about=name_in(titles, message.conversation_id),
            )
            for message in messages
        ]
