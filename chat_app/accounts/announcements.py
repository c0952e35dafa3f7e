"""What others hear of accounts, once it is durable."""

from collections.abc import Iterable
from uuid import UUID

from chat_app.core.unit_of_work import UnitOfWork
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import Envelope, SessionEnded, seal, session_topic


def tell(uow: UnitOfWork, broker: Broker, topics: Iterable[str], envelope: Envelope) -> None:
    """Publish to `topics` after the commit."""
    heard_by = list(topics)

    async def publish() -> None:
        broker.publish(heard_by, envelope)

    uow.announce(publish)


def tell_ended(uow: UnitOfWork, broker: Broker, session_ids: Iterable[UUID], reason: str) -> None:
    """Have the sockets and tabs of these sessions close, on every node, after the commit."""
    envelope = seal(SessionEnded(reason=reason), ends=True)
    tell(uow, broker, map(session_topic, session_ids), envelope)
