"""What the hub has at hand for a monitoring."""

from chat_app.core.metrics import Metrics
from chat_app.realtime.hub import Hub
from chat_app.realtime.outlet import CloseReason


def count_outlets(hub: Hub, metrics: Metrics) -> None:
    """Show the hub's outlets in `metrics`: how many, what waits in them, why they end."""
    ended = metrics.counters(
        "chat_outlets_closed_total", "Sockets and tabs ended, by close code", "code", "reason"
    )

    def count_end(closing: CloseReason) -> None:
        ended.of(str(closing.code), closing.reason).add()

    hub.on_closed = count_end
    metrics.gauge("chat_outlets", "Sockets and tabs that hear news", lambda: len(hub.outlets))
    metrics.gauge(
        "chat_outlet_queue_events",
        "News that waits for its readers, in all outlets together",
        lambda: sum(outlet.waiting for outlet in hub.outlets),
    )
    metrics.gauge(
        "chat_outlet_queue_largest_events",
        "News that waits in the fullest outlet",
        lambda: max((outlet.waiting for outlet in hub.outlets), default=0),
    )
