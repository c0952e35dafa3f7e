"""What can go wrong with messages."""

from chat_app.core.errors import Conflict


class IdempotencyConflict(Conflict):
    """A `client_id` was used before for another text or another conversation."""

    code = "idempotency_conflict"
    default_detail = "This client_id belongs to another message."
