"""What is counted of the live sockets."""

from collections import Counter
from uuid import UUID

from chat_app.core.metrics import Metrics


class Counted:
    """The sockets' counters; `open` holds how many sockets each user has."""

    def __init__(self, metrics: Metrics) -> None:
        self.open: Counter[UUID] = Counter()
        self.received = metrics.counter("chat_frames_received_total", "Frames from sockets")
        self.refused = metrics.counters(
            "chat_frames_refused_total", "Error frames to sockets, by their code", "code"
        )
        self.closed = metrics.counters(
            "chat_sockets_closed_total", "Sockets that this node closed, by close code", "code"
        )
        metrics.gauge("chat_sockets", "Live sockets that are signed in", self.open.total)
