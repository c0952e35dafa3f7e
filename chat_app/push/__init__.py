"""Web push: subscriptions of browsers, and the messages sent to their push services."""
