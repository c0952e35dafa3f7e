"""Metrics of files."""

from chat_app.core.metrics import Metrics


class FileMetrics:
    """The counters of files."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        metrics = metrics or Metrics()
        self.received = metrics.counter(
            "chat_upload_bytes_total", "Bytes of uploads that were received"
        )
        self.checked = metrics.counters(
            "chat_files_checked_total", "Uploads that were checked, by what became of them", "state"
        )
        self.check_seconds = metrics.histogram(
            "chat_file_check_seconds", "The check of an upload, from its last byte"
        )
        self.removed = metrics.counter("chat_files_removed_total", "Files whose bytes were removed")
