"""Settings: defaults, and errors that name a wrong or unknown setting but never its value."""

import os
import re
import stat
from pathlib import Path

import pytest

from chat_app.core.settings import PREFIX, Settings, SettingsError, read_settings

GOOD_SECRET = "kXw3_vB7qLr0ZtYdP9mNcHs5Ua-J2eGfT8oIi4RzQbW6xEy"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_setting_has_a_default(tmp_path: Path) -> None:
    settings = read_settings()

    assert settings.embedded
    assert settings.public_url == "http://localhost:3000"
    assert settings.cookie_name == "chat_session"
    assert settings.database_address == f"sqlite+aiosqlite:///{tmp_path}/data/chat.db"


def test_a_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = read_settings().secret_key.get_secret_value()
    second = read_settings().secret_key.get_secret_value()

    key = tmp_path / "data" / "secret.key"
    assert first == second == key.read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in key.parent.iterdir()] == ["secret.key"]


WRONG = (
    ("CHAT_SECRET_KEY", "too-short"),
    ("CHAT_SECRET_KEY", "changeme" * 8),
    ("CHAT_SECRET_KEY", "a" * 64),
    ("CHAT_PUBLIC_URL", "*"),
    ("CHAT_PUBLIC_URL", "ftp://chat.example.org"),
    ("CHAT_PUBLIC_URL", "https://chat.example.org/path"),
    ("CHAT_DATABASE_URL", "mysql://root:hunter2@localhost/chat"),
    ("CHAT_REDIS_URL", "http://localhost"),
    ("CHAT_REDIS_URL", "redis://:hunter2/x@localhost:6379/0"),
    ("CHAT_REDIS_PREFIX", "two words"),
    ("CHAT_FILES_URL", "https://s3.example.org/bucket"),
    ("CHAT_FILES_URL", "s3://"),
    ("CHAT_FILES_URL", "s3://Bucket"),
    ("CHAT_FILES_URL", "s3://bucket/a/../b"),
    ("CHAT_FILES_URL", "s3://bucket//b"),
    ("CHAT_FILES_URL", "s3://bucket/b?region=x"),
    ("CHAT_FILES_URL", "s3://key:hunter2@bucket"),
    ("CHAT_TRUSTED_PROXIES", "127.0.0.1, everybody"),
    ("CHAT_TRUSTED_PROXIES", "*"),
    ("CHAT_LIMITS", "sometimes"),
    ("CHAT_LOG_LEVEL", "LOUD"),
    ("CHAT_DATABASE_POOL_SIZE", "0"),
    ("CHAT_DATABASE_POOL_SIZE", "many"),
    ("CHAT_SESSION_DAYS", "-1"),
    ("CHAT_SECRET_KEY", "changeme-changeme-changeme-changeme"),
    ("CHAT_PUBLIC_URL", "not an address"),
    ("CHAT_LIMITS", "maybe"),
)


def complaint() -> str:
    """Return the error of the settings; empty if they are accepted."""
    try:
        read_settings()
    except SettingsError as error:
        return str(error)
    return ""


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WRONG:
        monkeypatch.setenv(name, value)

        error = complaint()
        assert name in error, (name, value)
        assert "hunter2" not in error
        assert name != "CHAT_SECRET_KEY" or value not in error
        monkeypatch.delenv(name)


def test_an_unknown_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_DATABSE_URL", "sqlite+aiosqlite:///x")

    with pytest.raises(SettingsError, match="CHAT_DATABSE_URL"):
        read_settings()


def test_an_unknown_setting_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CHAT_COLOUR=blue\n")

    with pytest.raises(SettingsError, match="CHAT_COLOUR"):
        read_settings()


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("CHAT_SESSION_DAYS=7\nCHAT_LOG_LEVEL=WARNING\n")
    monkeypatch.setenv("CHAT_SESSION_DAYS", "9")

    settings = read_settings()

    assert (settings.session_days, settings.log_level) == (9, "WARNING")


def test_limits_cannot_be_off_on_a_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_PUBLIC_URL", "https://chat.example.org")
    monkeypatch.setenv("CHAT_LIMITS", "off")

    with pytest.raises(SettingsError, match="CHAT_LIMITS"):
        read_settings()


def test_several_nodes_in_production_must_be_given_one_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHAT_PUBLIC_URL", "https://chat.example.org")
    monkeypatch.setenv("CHAT_REDIS_URL", "redis://localhost")

    with pytest.raises(SettingsError, match="CHAT_SECRET_KEY"):
        read_settings()
    monkeypatch.setenv("CHAT_SECRET_KEY", GOOD_SECRET)
    assert read_settings().cookie_name == "__Host-session"


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("http://localhost:80", "http://localhost"),
        ("https://chat.example.org:443", "https://chat.example.org"),
        ("https://Chat.Example.org:8443/", "https://chat.example.org:8443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_the_public_url_is_the_origin_that_browsers_send(
    given: str, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_PUBLIC_URL", given)

    assert read_settings().public_url == origin


def test_the_data_folder_is_for_its_owner_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHAT_DATA_DIR", str(tmp_path / "data"))

    settings = read_settings()

    assert settings.data_dir.stat().st_mode & 0o077 == 0


def test_the_api_url_is_another_origin_with_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_PUBLIC_URL", "https://chat.example.org")
    for address in ("https://chat.example.org", "http://api.example.org"):
        monkeypatch.setenv("CHAT_API_URL", address)

        assert "CHAT_API_URL" in complaint(), address


def test_a_folder_that_cannot_be_made_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CHAT_DATA_DIR", str(tmp_path / "file" / "data"))

    with pytest.raises(SettingsError, match="CHAT_DATA_DIR"):
        read_settings()


def test_a_secret_never_shows_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_SECRET_KEY", GOOD_SECRET)

    assert GOOD_SECRET not in repr(read_settings())


def test_the_example_file_lists_every_setting_and_no_other() -> None:
    example = (Path(__file__).parents[2] / ".env.example").read_text()
    listed = set(re.findall(r"^# (CHAT_[A-Z_]+)=", example, flags=re.MULTILINE))
    taken_in = re.findall(r"^CHAT_[A-Z_]+=", example, flags=re.MULTILINE)

    assert not taken_in, "the values of the example are the defaults: comments"
    assert listed == {PREFIX + name.upper() for name in Settings.model_fields}


def test_a_bucket_is_named_with_or_without_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("s3://bucket", "s3://bucket/", "s3://my.bucket-1/chat/files"):
        monkeypatch.setenv("CHAT_FILES_URL", given)
        assert read_settings().files_url == given.rstrip("/")
