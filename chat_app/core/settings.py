"""Settings: frozen, typed, read once. A wrong or unknown one stops the start with its name."""

import os
import re
import secrets
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

DEFAULT_PORTS = {"http": 80, "https": 443}
PREFIX = "CHAT_"
MIN_SECRET_BYTES = 32
MIN_TOKEN_BYTES = 16
# Values from examples and tutorials: long enough, but public.
KNOWN_SECRETS = ("changeme", "change-me", "change_me", "secret", "default", "example", "insecure")
# The names that S3 has for buckets; in the prefix no segment is empty or made of dots.
BUCKET_URL = re.compile(
    r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/(?!\.{1,2}(/|$))[A-Za-z0-9._-]+){0,20}/?"
)
# A name or an address, with a port where it is not that of https.
PUSH_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|[0-9A-Fa-f:]{2,39}")


class SettingsError(Exception):
    """An unknown, missing or wrong setting; the text names it and never repeats its value."""


class Settings(BaseSettings):
    """Every setting of the chat; `.env.example` explains each to people."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", frozen=True, extra="ignore", env_ignore_empty=True
    )

    data_dir: Path = Path("data")
    database_url: str = ""
    redis_url: str = ""
    redis_prefix: str = Field(default="chat:", pattern=r"^[A-Za-z0-9_.:-]{1,64}$")
    secret_key: SecretStr = SecretStr("")
    public_url: str = "http://localhost:3000"
    api_url: str = ""
    local_network: Literal["on", "off"] = "off"
    limits: Literal["on", "off"] = "on"

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "text"] = "json"
    node_name: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,64}$")
    metrics_token: SecretStr = SecretStr("")
    otel_endpoint: str = ""
    otel_callers: Literal["own", "all"] = "own"
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ("127.0.0.1", "::1")

    database_pool_size: int = Field(default=10, ge=1, le=200)
    database_pooling: Literal["session", "transaction"] = "session"
    session_days: int = Field(default=30, ge=1, le=365)
    access_token_seconds: int = Field(default=900, ge=10, le=86_400)
    max_body_bytes: int = Field(default=2 * 1024 * 1024, ge=65_536, le=64 * 1024 * 1024)

    presence_grace_seconds: float = Field(default=10, ge=0, le=60)
    presence_ttl_seconds: float = Field(default=36, ge=1, le=600)

    registration: Literal["open", "invited", "closed"] = "open"

    files_url: str = ""
    max_file_mb: int = Field(default=25, ge=1, le=10_240)
    user_storage_mb: int = Field(default=1_024, ge=1, le=1_048_576)
    clamav: str = Field(
        default="", pattern=r"^$|^/.+|^[^\s/:]+:[0-9]{1,5}$|^\[[0-9a-f:]+\]:[0-9]{1,5}$"
    )

    push_hosts: Annotated[tuple[str, ...], NoDecode] = ()

    limit_message_burst: int = Field(default=40, ge=1)
    limit_messages_per_second: float = Field(default=2.0, gt=0)
    limit_read_mark_burst: int = Field(default=100, ge=1)
    limit_read_marks_per_second: float = Field(default=20.0, gt=0)
    limit_unread_mark_burst: int = Field(default=20, ge=1)
    limit_unread_marks_per_second: float = Field(default=1.0, gt=0)
    limit_search_burst: int = Field(default=40, ge=1)
    limit_searches_per_second: float = Field(default=4.0, gt=0)
    limit_frame_burst: int = Field(default=200, ge=1)
    limit_frames_per_second: float = Field(default=50.0, gt=0)
    limit_login_failures_per_account: int = Field(default=5, ge=1)
    limit_login_failures_per_address: int = Field(default=20, ge=1)
    limit_login_failures_anywhere: int = Field(default=20, ge=1)
    limit_registrations_per_hour: int = Field(default=10, ge=1)
    limit_profile_changes_per_minute: int = Field(default=30, ge=1)
    limit_friend_requests_per_hour: int = Field(default=30, ge=1)
    limit_conversations_per_hour: int = Field(default=30, ge=1)
    limit_groups_per_hour: int = Field(default=30, ge=1)
    limit_group_change_burst: int = Field(default=40, ge=1)
    limit_group_changes_per_second: float = Field(default=0.5, gt=0)
    limit_upload_burst: int = Field(default=100, ge=1)
    limit_uploads_per_second: float = Field(default=1.0, gt=0)
    limit_reports_per_day: int = Field(default=20, ge=1)
    limit_sockets_per_user: int = Field(default=20, ge=1)
    limit_tabs_per_user: int = Field(default=50, ge=1)

    @field_validator("trusted_proxies", "push_hosts", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                ip_network(proxy)
            except ValueError:
                message = "must be addresses or networks such as 10.0.0.0/8, separated by commas"
                raise ValueError(message) from None
        return value

    @field_validator("push_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not PUSH_HOST.fullmatch(host):
                message = "must be hosts such as push.example.org:8443, separated by commas"
                raise ValueError(message)
        return tuple(host.lower() for host in value)

    @field_validator("public_url", "api_url")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            message = "must be an origin such as https://chat.example.org"
            raise ValueError(message)
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            message = "must not have a path"
            raise ValueError(message)
        try:
            # As browsers write it in `Origin`: letters of other scripts as punycode (RFC 3490), an
            # IPv6 address in brackets, no default port (RFC 6454).
            host = parts.hostname if ":" in parts.hostname else to_ascii(parts.hostname)
            port = parts.port
        except ValueError:
            message = "is no address such as https://chat.example.org"
            raise ValueError(message) from None
        host = f"[{host}]" if ":" in host else host
        shown = f":{port}" if port and port != DEFAULT_PORTS[parts.scheme] else ""
        return f"{parts.scheme}://{host}{shown}"

    @field_validator("database_url")
    @classmethod
    def _is_a_known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
            message = "must start with postgresql+asyncpg:// or sqlite+aiosqlite:///"
            raise ValueError(message)
        try:
            make_url(value or "sqlite://")
        except (ArgumentError, ValueError):
            message = "is no address of a database; escape @ : / in its password as %40 %3A %2F"
            raise ValueError(message) from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            message = "must start with redis://, rediss:// or unix://"
            raise ValueError(message)
        try:
            _ = urlsplit(value).port
        except ValueError:
            message = "is no address of a Redis; escape @ : / in its password as %40 %3A %2F"
            raise ValueError(message) from None
        return value

    @field_validator("files_url")
    @classmethod
    def _is_a_bucket(cls, value: str) -> str:
        if value and "@" in value:
            message = "must hold no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            raise ValueError(message)
        if value and not BUCKET_URL.fullmatch(value):
            message = "must be the address of a bucket such as s3://bucket/prefix"
            raise ValueError(message)
        return value.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _is_a_good_secret(cls, value: SecretStr) -> SecretStr:
        secret = value.get_secret_value()
        if secret and (
            len(secret.encode()) < MIN_SECRET_BYTES
            or len(set(secret)) < MIN_SECRET_BYTES // 4
            or secret.lower().startswith(KNOWN_SECRETS)
        ):
            message = f"must be at least {MIN_SECRET_BYTES} bytes that nobody can guess"
            raise ValueError(message)
        return value

    @field_validator("otel_endpoint")
    @classmethod
    def _is_a_collector(cls, value: str) -> str:
        if value and (
            urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname
        ):
            message = "must be an address such as http://localhost:4318"
            raise ValueError(message)
        if value and find_spec("opentelemetry") is None:
            message = "needs OpenTelemetry: pip install -r requirements-otel.txt"
            raise ValueError(message)
        return value

    @field_validator("metrics_token")
    @classmethod
    def _is_a_good_token(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value()
        if token and (len(token.encode()) < MIN_TOKEN_BYTES or not token.isascii()):
            message = f"must be at least {MIN_TOKEN_BYTES} ASCII characters that nobody can guess"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.is_https and self.limits == "off":
            message = "CHAT_LIMITS: off is for benchmarks only, not with an https CHAT_PUBLIC_URL"
            raise ValueError(message)
        if self.api_url and self.api_url == self.public_url:
            message = "CHAT_API_URL: leave it empty where one address serves everything"
            raise ValueError(message)
        if self.api_url and self.api_url.startswith("https://") != self.is_https:
            message = "CHAT_API_URL: must be https where CHAT_PUBLIC_URL is, or the cookie is lost"
            raise ValueError(message)
        if self.is_https and self.redis_url and not self.secret_key.get_secret_value():
            message = "CHAT_SECRET_KEY: several nodes must share one; set it"
            raise ValueError(message)
        return self

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the chat over HTTPS."""
        return self.public_url.startswith("https://")

    @property
    def opens_local_network(self) -> bool:
        """Whether browsers may also open the chat at this machine's address in its network.

        Only where the chat is this machine's own; elsewhere the public address is for everybody.
        """
        if self.local_network == "off" or self.is_https or self.api_url:
            return False
        host = urlsplit(self.public_url).hostname or ""
        return host == "localhost" or is_loopback(host)

    @property
    def cookie_name(self) -> str:
        """The session cookie's name; browsers enforce the rules of the `__Host-` prefix."""
        # Browsers send a cookie to every port of its host: `session` is the name others use, too.
        return "__Host-session" if self.is_https else "chat_session"

    @property
    def cookie_names(self) -> tuple[str, ...]:
        """The names under which a session cookie is read: the present one, and an earlier one."""
        return (self.cookie_name,) if self.is_https else (self.cookie_name, "session")

    @property
    def embedded(self) -> bool:
        """Whether the database is the SQLite file of this process, which migrates itself."""
        return self.database_address.startswith("sqlite")

    @property
    def database_address(self) -> str:
        """The SQLAlchemy address of the database, the embedded default included."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.resolve()}/chat.db"

    def with_database(self, url: str) -> Self:
        """Return the same settings over another database. Raises SettingsError without the URL."""
        try:
            return type(self)(**{**self.model_dump(), "database_url": url})
        except ValidationError as error:
            raise SettingsError(_first_complaint(error)) from None


def is_loopback(address: str) -> bool:
    """Return whether a text is an address of this machine alone."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def to_ascii(host: str) -> str:
    """Return a host name as it travels. Raises UnicodeError, which is a ValueError."""
    return host.encode("idna").decode()


def read_settings() -> Settings:
    """Read the environment and `.env`; create the data folder and the secret key if missing.

    Raises SettingsError naming the first setting that is unknown or wrong.
    """
    _refuse_unknown_names()
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError(_first_complaint(error)) from None
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not settings.secret_key.get_secret_value():
            secret = SecretStr(_own_secret(settings.data_dir))
            settings = settings.model_copy(update={"secret_key": secret})
    except OSError as error:
        message = f"CHAT_DATA_DIR: cannot be used ({error.strerror})"
        raise SettingsError(message) from None
    return settings


def _refuse_unknown_names() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    names = {*os.environ, *(dotenv_values(".env") if Path(".env").is_file() else ())}
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            message = f"{name}: there is no such setting (see .env.example)"
            raise SettingsError(message)


def _first_complaint(error: ValidationError) -> str:
    # The rule's own text only: pydantic's full text would repeat the value, which may be secret.
    complaint = error.errors(include_url=False, include_input=False, include_context=False)[0]
    text = complaint["msg"].removeprefix("Value error, ")
    location = ".".join(str(part) for part in complaint["loc"])
    return f"{PREFIX}{location.upper()}: {text}" if location else text


def _own_secret(folder: Path) -> str:
    path = folder / "secret.key"
    if not path.exists():
        # Written aside and linked: a second process that starts at the same moment must read
        # the whole key or make none, never half of one.
        draft = folder / f".secret.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    secret = path.read_text().strip()
    if len(secret.encode()) < MIN_SECRET_BYTES:
        message = f"CHAT_SECRET_KEY: the key in {path} is too short; delete it or set your own"
        raise SettingsError(message)
    return secret
