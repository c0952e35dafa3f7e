"""What is counted of the live sockets."""

from chat_app.core.metrics import Metrics


class Counted:
    """The sockets' counters."""

    def __init__(self, metrics: Metrics) -> None:
        self.received = metrics.counter("chat_frames_received_total", "Frames from sockets")
        self.refused = metrics.counters(
            "chat_frames_refused_total", "Error frames to sockets, by their code", "code"
        )
        self.closed = metrics.counters(
            "chat_sockets_closed_total", "SocketCounts that this node closed, by close code", "code"
        )
