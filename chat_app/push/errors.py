"""Errors of push."""

from chat_app.core.errors import Invalid, NotFound


class EndpointRefused(Invalid):
    """The endpoint is not https, or not in the public network."""

    code = "endpoint_refused"
    default_detail = "This push service cannot be used."

    def __init__(self) -> None:
        super().__init__({"endpoint": self.default_detail})


class SubscriptionNotFound(NotFound):
    """There is no such subscription, or it is of another user."""

    code = "subscription_not_found"
    default_detail = "There is no such subscription."
