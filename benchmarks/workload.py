"""What every workload is told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """How long, how often and on which pair to measure."""

    runs: int = 3
    seconds: float = 6.0
    quick: bool = False
    database_url: str = ""
    redis_url: str = ""

    @property
    def warm_up(self) -> float:
        """Seconds before the first measured turn."""
        return 0.5 if self.quick else 2.0

    @property
    def step(self) -> float:
        """Seconds of one step of a ramp."""
        return 1.0 if self.quick else min(10.0, self.seconds)

    @property
    def addresses(self) -> tuple[str, str]:
        """Where storage and bus are; empty for the embedded pair."""
        return self.database_url, self.redis_url

    @property
    def durability(self) -> str:
        """How the chat makes a message durable before its ack."""
        if self.database_url:
            return "PostgreSQL, synchronous_commit on, sign-in on, limits off"
        return "SQLite WAL with synchronous=FULL, sign-in on, limits off"
