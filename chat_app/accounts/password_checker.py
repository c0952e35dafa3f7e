"""Checking passwords, with a bound on how many may be guessed, whichever door they come to."""

from chat_app.core.passwords import Passwords, Verdict
from chat_app.core.rate_limit import Limit, RateLimits
from chat_app.core.settings import Settings


class PasswordChecker:
    """Password checks: so many may fail a minute, per account and address and per address."""

    def __init__(self, *, passwords: Passwords, limits: RateLimits, settings: Settings) -> None:
        self._passwords = passwords
        self._limits = limits
        self._failing = Limit("login", settings.limit_login_failures_per_account, 60)
        self._failing_anywhere = Limit("address", settings.limit_login_failures_per_address, 60)

    async def check(
        self, password: str, stored: str | None, *, username_key: str, address: str
    ) -> Verdict:
        """Check a password against a stored hash; None is a hash that nothing fits.

        Raises RateLimited after too many failures, then for the right password, too.
        """
        here = f"{username_key}:{address}"
        # Taken before and put back after a success: a flood in parallel gets no free guesses.
        await self._limits.take(self._failing, here)
        await self._limits.take(self._failing_anywhere, address)
        verdict = await self._passwords.verify(password, stored)
        if verdict.fits:
            await self._limits.take(self._failing, here, cost=-1)
            await self._limits.take(self._failing_anywhere, address, cost=-1)
        return verdict
