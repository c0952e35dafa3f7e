"""Announcements of accounts: what the devices of others receive once a change is committed."""

from collections.abc import Iterable

from chat_app.accounts.schemas import Ended
from chat_app.core.unit_of_work import UnitOfWork
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import EndReason, Envelope, SessionEnded, make_envelope, session_topic


def announce(uow: UnitOfWork, broker: Broker, topics: Iterable[str], envelope: Envelope) -> None:
    """Publish an envelope to `topics` after the commit."""
    receivers = list(topics)

    async def publish() -> None:
        broker.publish(receivers, envelope)

    uow.announce(publish)


def announce_ended(uow: UnitOfWork, broker: Broker, ended: Ended) -> None:
    """Close the sockets and tabs of these sessions, on every node, after the commit."""
    announce(uow, broker, map(session_topic, ended.session_ids), session_ended(ended.reason))


def session_ended(reason: EndReason) -> Envelope:
    """Return the last envelope that the devices of a session receive."""
    return make_envelope(SessionEnded(reason=reason), ends=True)
