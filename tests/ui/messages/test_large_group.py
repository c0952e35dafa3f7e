"""Names of authors in a group whose head shows a part of its members."""

from functools import partial
from uuid import UUID

from sqlalchemy import insert

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models import Conversation, Member, Message, User
from tests.harness.chats import Storage
from tests.harness.clients import Person, register
from tests.harness.nodes import open_database
from tests.harness.tabs import TIMELINE, Tab

MEMBERS = 300


async def large_group(storage: Storage, viewer_id: UUID) -> UUID:
    """Store a group in which each member but the viewer and one who is gone has written once."""
    people = [
        User(
            id=new_id(),
            username=f"m{number}-{viewer_id.hex}",
            username_key=f"m{number}-{viewer_id.hex}",
            display_name=f"Member {number}",
            password_hash="",
            deleted_at=utc_now() if number == MEMBERS - 1 else None,
        )
        for number in range(MEMBERS)
    ]
    group = Conversation(
        kind="group",
        title="All",
        members_count=MEMBERS + 1,
        created_by=viewer_id,
        last_seq=MEMBERS,
        last_rev=MEMBERS,
    )
    members = [
        Member(conversation_id=group.id, user_id=user_id)
        for user_id in [viewer_id, *(one.id for one in people)]
    ]
    messages = [
        Message(
            conversation_id=group.id,
            seq=seq,
            rev=seq,
            client_id=f"of-{seq}",
            sender_id=person.id,
            content=f"Number {seq - 1}",
        )
        for seq, person in enumerate(people, start=1)
    ]
    rows = (User, people), (Conversation, [group]), (Member, members), (Message, messages)
    async with (
        open_database(storage.database_url, storage.folder) as database,
        database.transaction() as connection,
    ):
        for model, some in rows:
            await connection.execute(insert(model), [one.model_dump() for one in some])
    return group.id


async def test_every_author_of_a_large_group_has_a_name(
    built_server: str, built_storage: Storage
) -> None:
    ada: Person = await register(built_server, display_name="Ada")
    group_id = await large_group(built_storage, UUID(ada.id))
    async with Tab.open(built_server, cookie=ada.cookie) as tab:
        await tab.hydrate(f"/chat/{group_id}")
        await tab.until(lambda: tab.messages(str(group_id)))
        while (first := min(shown(tab, group_id))) > 1:
            page = {"conversation_id": str(group_id), "kind": "older", "seq": first}
            await tab.send(f"{TIMELINE}.send_page", page, path=f"/chat/{group_id}")
            await tab.until(partial(has_earlier, tab, group_id, first))
        authors = shown(tab, group_id)

    assert authors.pop(MEMBERS) == "Deleted user"
    assert authors == {seq: f"Member {seq - 1}" for seq in range(1, MEMBERS)}


def has_earlier(tab: Tab, group_id: UUID, seq: int) -> bool:
    return min(shown(tab, group_id)) < seq


def shown(tab: Tab, group_id: UUID) -> dict[int, str]:
    """Return the authors by the numbers of their messages, as far as the tab shows them."""
    names = {row["id"]: row["name"] for row in tab.rows("authors")}
    return {row["order"]: names[row["sender_id"]] for row in tab.messages(str(group_id))}
