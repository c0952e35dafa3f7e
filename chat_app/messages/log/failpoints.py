"""Named moments at which a test may have the process fail, to see that nothing is lost then.

No setting and no variable reaches them: whoever wants one has to pass it to `create_api` in code,
and nothing in this package does.
"""

from typing import Protocol


class Failpoints(Protocol):
    """The moments. A test's twin does not return from the one that it fails at."""

    def committed(self) -> None:
        """Messages are stored, and nobody has been answered or told yet."""


class NoFailpoints:
    """The chat's own: at no moment does anything happen."""

    def committed(self) -> None:
        """Go on."""


NO_FAILPOINTS = NoFailpoints()
