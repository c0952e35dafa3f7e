"""Password checks with a limit on failures, shared by the API and the UI."""

import contextlib
from collections.abc import Awaitable, Callable

from chat_app.core.errors import RateLimited
from chat_app.core.passwords import Passwords, Verdict
from chat_app.core.rate_limit import HOUR_S, Limit, RateLimits, charged
from chat_app.core.settings import Settings


class PasswordChecker:
    """Password checks, limited by failures per account and network, per network, per account."""

    def __init__(self, *, passwords: Passwords, limits: RateLimits, settings: Settings) -> None:
        self._passwords = passwords
        self._limits = limits
        self._here = Limit("login", settings.limit_login_failures_per_account, 60)
        self._network = Limit("address", settings.limit_login_failures_per_address, 60)
        self._anywhere = Limit(
            "account", settings.limit_login_failures_anywhere, HOUR_S, refills=True
        )

    async def check(
        self,
        password: str,
        stored: str | None,
        *,
        username_key: str,
        network: str,
        own_networks: Callable[[], Awaitable[set[str]]],
    ) -> Verdict:
        """Check a password against a stored hash; no password fits the hash None.

        Raises RateLimited after too many failures, then for the right password, too. Failures
        elsewhere do not lock out the `own_networks`, where the account is signed in. An attempt
        that was not checked costs nothing.
        """
        limits = [(self._here, f"{username_key}:{network}"), (self._network, network)]
        async with contextlib.AsyncExitStack() as stack:
            for limit, key in limits:
                await stack.enter_async_context(charged(self._limits, limit, key))
            try:
                await stack.enter_async_context(charged(self._limits, self._anywhere, username_key))
                limits.append((self._anywhere, username_key))
            except RateLimited:
                if network not in await own_networks():
                    raise
            verdict = await self._passwords.verify(password, stored)
        if verdict.fits:
            for limit, key in limits:
                await self._limits.take(limit, key, cost=-1)
        return verdict
