"""Announcements of accounts: what the devices of an ended session receive."""

from chat_app.accounts.schemas import Ended
from chat_app.change_log.unit_of_work import UnitOfWork
from chat_app.realtime.events import EndReason, Envelope, SessionEnded, make_envelope, session_topic


def announce_ended(uow: UnitOfWork, ended: Ended) -> None:
    """Close the sockets and tabs of these sessions, on every node, with the commit."""
    uow.publish(map(session_topic, ended.session_ids), session_ended(ended.reason))


def session_ended(reason: EndReason) -> Envelope:
    """Return the last envelope that the devices of a session receive."""
    return make_envelope(SessionEnded(reason=reason), ends=True)
