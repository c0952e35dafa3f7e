"""What others hear of accounts, once it is durable."""

from collections.abc import Iterable

from chat_app.accounts.schemas import Ended
from chat_app.core.unit_of_work import UnitOfWork
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import EndReason, Envelope, SessionEnded, make_envelope, session_topic


def tell(uow: UnitOfWork, broker: Broker, topics: Iterable[str], envelope: Envelope) -> None:
    """Publish to `topics` after the commit."""
    heard_by = list(topics)

    async def publish() -> None:
        broker.publish(heard_by, envelope)

    uow.announce(publish)


def tell_ended(uow: UnitOfWork, broker: Broker, ended: Ended) -> None:
    """Have the sockets and tabs of these sessions close, on every node, after the commit."""
    tell(uow, broker, map(session_topic, ended.session_ids), last_words(ended.reason))


def last_words(reason: EndReason) -> Envelope:
    """Return what the devices of a session are told last, the same from wherever it comes."""
    return make_envelope(SessionEnded(reason=reason), ends=True)
