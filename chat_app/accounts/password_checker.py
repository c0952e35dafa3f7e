"""Password checks with a limit on failures, shared by the API and the UI."""

from chat_app.core.passwords import Passwords, Verdict
from chat_app.core.rate_limit import Limit, RateLimits
from chat_app.core.settings import Settings


class PasswordChecker:
    """Password checks, limited by failures a minute, per account and address and per address."""

    def __init__(self, *, passwords: Passwords, limits: RateLimits, settings: Settings) -> None:
        self._passwords = passwords
        self._limits = limits
        self._account_limit = Limit("login", settings.limit_login_failures_per_account, 60)
        self._address_limit = Limit("address", settings.limit_login_failures_per_address, 60)

    async def check(
        self, password: str, stored: str | None, *, username_key: str, address: str
    ) -> Verdict:
        """Check a password against a stored hash; no password fits the hash None.

        Raises RateLimited after too many failures, then for the right password, too.
        """
        account_key = f"{username_key}:{address}"
        # Taken before and put back after a success: a flood in parallel gets no free guesses.
        await self._limits.take(self._account_limit, account_key)
        await self._limits.take(self._address_limit, address)
        verdict = await self._passwords.verify(password, stored)
        if verdict.fits:
            await self._limits.take(self._account_limit, account_key, cost=-1)
            await self._limits.take(self._address_limit, address, cost=-1)
        return verdict
