"""Use cases of members: report a message or a person to the admins."""

from uuid import UUID

from chat_app.admin import store
from chat_app.admin.schemas import Reported
from chat_app.core.database import Database
from chat_app.core.rate_limit import Limit, RateLimits, charged
from chat_app.core.settings import Settings

DAY_S = 86_400


class Reports:
    """The use cases of reports over one database."""

    def __init__(self, *, database: Database, limits: RateLimits, settings: Settings) -> None:
        self._database = database
        self._limits = limits
        self._limit = Limit("report", settings.limit_reports_per_day, DAY_S)

    async def report_message(self, *, actor_id: UUID, message_id: UUID, reason: str) -> Reported:
        """Report a message, whose text is kept.

        Raises MessageNotFound, ReportIsSelf and RateLimited.
        """
        async with charged(self._limits, self._limit, str(actor_id)):
            async with self._database.writing() as session:
                report_id = await store.report_message(
                    session, reporter_id=actor_id, message_id=message_id, reason=reason
                )
            return Reported(id=report_id)

    async def report_user(self, *, actor_id: UUID, user_id: UUID, reason: str) -> Reported:
        """Report a person. Raises PersonNotFound, ReportIsSelf and RateLimited."""
        async with charged(self._limits, self._limit, str(actor_id)):
            async with self._database.writing() as session:
                report_id = await store.report_user(
                    session, reporter_id=actor_id, user_id=user_id, reason=reason
                )
            return Reported(id=report_id)
