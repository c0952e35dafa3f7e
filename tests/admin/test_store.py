"""Rows that maintenance removes: old audit entries, closed reports, ended reset links."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.accounts.schemas import Registration
from chat_app.admin import store
from chat_app.admin.operator import Operator
from chat_app.admin.schemas import Actor
from chat_app.core.clock import utc_now
from chat_app.core.maintenance import Maintenance
from chat_app.core.passwords import Passwords
from chat_app.models import AuditEntry, Report, ResetLink, Table
from chat_app.node.parts import JOBS
from chat_app.realtime.broker import MemoryBroker
from tests.harness.chats import Storage
from tests.harness.clients import PASSWORD
from tests.harness.nodes import open_database


async def count(session: AsyncSession, table: type[Table]) -> int:
    return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def test_rows_that_are_over_are_removed_after_their_time(storage: Storage) -> None:
    async with open_database(storage.database_url, storage.folder) as database:
        passwords = Passwords()
        people = Operator(database=database, broker=MemoryBroker(), passwords=passwords)
        user = await people.create_user(Registration(username="ada", password=PASSWORD))
        passwords.close()
        assert user.admin
        year = timedelta(days=365)
        async with database.writing() as session:
            for days in (1, -1):
                moment = utc_now() - year + timedelta(days=days)
                session.add(AuditEntry(at=moment, action="disabled"))
                session.add(
                    Report(
                        reporter_id=user.id,
                        user_id=user.id,
                        reason="x",
                        state="resolved",
                        closed_at=moment,
                    )
                )
            session.add(Report(reporter_id=user.id, user_id=user.id, reason="open"))
            await store.add_reset_link(session, user.id)

        maintenance = Maintenance(database, JOBS)
        removed = await maintenance.remove_expired()

        assert (removed["audit_log"], removed["reports"], removed["reset_links"]) == (1, 1, 0)
        async with database.writing() as session:
            await session.execute(update(ResetLink).values(expires_at=utc_now()))
            store.add_entry(session, Actor(user.id), "enabled", actor_name="ada")
        assert (await maintenance.remove_expired())["reset_links"] == 1
        async with database.reading() as session:
            counts = [await count(session, table) for table in (AuditEntry, Report, ResetLink)]
        # With the entry about the new account.
        assert counts == [3, 2, 0]
