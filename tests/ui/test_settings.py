"""The settings over the raw wire: forged ids, wrong values, and ended sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.harness.clients import PATIENCE_S, Person, as_json, log_in
from tests.harness.files import new_file, picture
from tests.harness.tabs import CONVERSATIONS, ROOT_STATE, Tab, state_name

SETTINGS = state_name("settings.state", "settings_state")
PAGE = "/settings"


@asynccontextmanager
async def settings_of(person: Person) -> AsyncIterator[Tab]:
    """Open the settings in a tab."""
    async with Tab.open(person.url, cookie=person.cookie) as tab:
        await tab.hydrate(PAGE)
        await tab.until(lambda: tab.var(SETTINGS, "devices") and tab.var(ROOT_STATE, "is_hydrated"))
        yield tab


async def call(tab: Tab, handler: str, **payload: Any) -> None:  # noqa: ANN401  # whatever a forger sends
    await tab.send(f"{SETTINGS}.{handler}", payload, path=PAGE)
    await tab.settled()


async def own(person: Person) -> dict[str, Any]:
    return as_json(await person.http.get("/api/auth/me"))


async def test_the_page_shows_the_own_profile_and_devices(ada: Person) -> None:
    again = await log_in(ada.url, ada)
    async with settings_of(ada) as tab:
        assert tab.var(SETTINGS, "profile")["display_name"] == "Ada"
        rows = [(row["id"], row["current"]) for row in tab.var(SETTINGS, "devices")]

    assert rows == [(again.session_id, False), (ada.session_id, True)]


async def test_a_change_is_stored_and_shown(ada: Person) -> None:
    form = {"display_name": " Ada L. ", "status_text": "Here", "bio": ""}
    async with settings_of(ada) as tab:
        await tab.send(f"{SETTINGS}.save", {"form": form}, path=PAGE)
        await tab.until(lambda: tab.var(SETTINGS, "saved_at"))
        assert tab.var(SETTINGS, "profile")["display_name"] == "Ada L."
        assert tab.fact("profile", "display_name") == "Ada L."

        await tab.send(f"{SETTINGS}.play_sounds", {"on": False}, path=PAGE)
        await tab.until(lambda: tab.fact("profile", "sound") is False)
        await tab.send(f"{SETTINGS}.accept_from", {"who": "friends"}, path=PAGE)
        await tab.until(lambda: tab.var(SETTINGS, "accept_messages_from") == "friends")
        await tab.send(f"{SETTINGS}.show_presence", {"on": False}, path=PAGE)
        await tab.until(lambda: tab.var(SETTINGS, "share_presence") is False)

    changed = {
        "display_name": "Ada L.",
        "status_text": "Here",
        "sound": False,
        "accept_messages_from": "friends",
        "share_presence": False,
    }
    assert await own(ada) == {**ada.user, **changed}


async def test_the_avatar_is_shown_as_it_is_once_the_page_asks(ada: Person) -> None:
    async with settings_of(ada) as tab:
        assert tab.var(SETTINGS, "profile")["picture"] == ""
        file = await new_file(ada, picture())
        changed = await ada.http.put("/api/users/me/avatar", json={"file_id": file["id"]})
        url = as_json(changed)["avatar_url"]
        await tab.send(f"{SETTINGS}.show_picture", {}, path=PAGE)
        await tab.until(lambda: tab.var(SETTINGS, "profile")["picture"] == url)
        assert tab.var(SETTINGS, "profile")["display_name"] == "Ada"
    async with settings_of(ada) as tab:
        assert tab.var(SETTINGS, "profile")["picture"] == url


async def test_another_tab_shows_a_change_with_its_next_step(ada: Person) -> None:
    async with settings_of(ada) as tab, settings_of(ada) as other:
        await tab.send(f"{SETTINGS}.save", {"form": {"display_name": "Ada L."}}, path=PAGE)
        await tab.send(f"{SETTINGS}.play_sounds", {"on": False}, path=PAGE)
        await tab.until(lambda: tab.fact("profile", "sound") is False)
        async with asyncio.timeout(PATIENCE_S):
            while other.fact("profile", "sound"):
                await call(other, "refresh")

        assert other.fact("profile", "display_name") == "Ada L."


async def test_messages_do_not_make_the_page_load_its_devices(ada: Person, bea: Person) -> None:
    async with settings_of(ada) as tab:
        await log_in(ada.url, ada)
        await bea.write(ada, "Hello")
        await tab.until(lambda: tab.fact("conversations", "unread_total"))
        assert len(tab.var(SETTINGS, "devices")) == 1

        await call(tab, "refresh")
        assert len(tab.var(SETTINGS, "devices")) == 2


async def test_privacy_changed_elsewhere_is_loaded_again(ada: Person) -> None:
    async with settings_of(ada) as tab:
        changed = {"accept_messages_from": "friends", "share_presence": False}
        as_json(await ada.http.patch("/api/users/me", json=changed))

        await call(tab, "refresh")

        assert tab.var(SETTINGS, "accept_messages_from") == "friends"
        assert tab.var(SETTINGS, "share_presence") is False
        assert tab.var(SETTINGS, "choice_version") == 1


WRONG: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("save", {"form": {"display_name": "a\u202eb"}}, "display_name"),
    ("save", {"form": {"display_name": "x" * 1_000}}, "display_name"),
    ("save", {"form": {"status_text": "two\nlines"}}, "status_text"),
    ("save", {"form": {"bio": 5}}, "bio"),
    ("accept_from", {"who": "nobody"}, "accept_messages_from"),
    ("accept_from", {"who": None}, "accept_messages_from"),
    ("play_sounds", {"on": "yes"}, "sound"),
    ("show_presence", {"on": None}, "share_presence"),
)


async def test_a_wrong_value_gets_an_error_and_changes_nothing(ada: Person) -> None:
    for handler, payload, field in WRONG:
        async with settings_of(ada) as tab:
            await call(tab, handler, **payload)

            assert list(tab.var(SETTINGS, "errors")) == [field], payload
        assert await own(ada) == ada.user, payload


async def test_a_form_changes_no_more_than_it_shows(ada: Person) -> None:
    form = {"bio": "x", "sound": False, "username": "root", "password_hash": "x", "id": "x"}
    async with settings_of(ada) as tab:
        await call(tab, "save", form=form)

    assert await own(ada) == {**ada.user, "bio": "x"}


async def test_a_forged_session_id_ends_nothing(ada: Person, eve: Person) -> None:
    for session_id in (eve.session_id, "01930000-0000-7000-8000-000000000000", "junk"):
        async with settings_of(ada) as tab:
            await call(tab, "end_device", session_id=session_id)

            assert tab.var(SETTINGS, "problem") == "There is no such device.", session_id
        assert await own(eve) == eve.user
        assert await own(ada) == ada.user


async def test_a_device_is_gone_from_the_list_and_signed_out_within_a_second(ada: Person) -> None:
    lost = await log_in(ada.url, ada)
    async with settings_of(ada) as tab, settings_of(lost) as ended:
        await call(tab, "end_device", session_id=lost.session_id)
        await ended.until(lambda: ended.redirects, seconds=1)

        assert ended.redirects == [f"/login?next={PAGE}"]
        assert ended.var(SETTINGS, "devices") == []
        assert ended.fact("account", "user_id") == ""
        assert [row["id"] for row in tab.var(SETTINGS, "devices")] == [ada.session_id]
        before = len(ended.received)
        await ended.send(f"{CONVERSATIONS}.load")
        await ended.settled()
        assert ada.username not in ended.received[before:]


async def test_all_other_devices_are_signed_out_at_once(ada: Person) -> None:
    others = [await log_in(ada.url, ada) for _ in range(2)]
    async with settings_of(ada) as tab, settings_of(others[0]) as ended:
        await call(tab, "end_others")
        await ended.until(lambda: ended.redirects, seconds=1)

        assert [row["id"] for row in tab.var(SETTINGS, "devices")] == [ada.session_id]
    assert (await others[1].http.get("/api/auth/me")).status_code == 401


async def test_an_anonymous_tab_calls_no_handler(built_server: str) -> None:
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("load", {}),
        ("refresh", {}),
        ("save", {"form": {"bio": "x"}}),
        ("end_others", {}),
        ("end_device", {"session_id": "01930000-0000-7000-8000-000000000000"}),
    )
    for handler, payload in calls:
        async with Tab.open(built_server) as tab:
            await tab.hydrate("/login")
            await tab.until(lambda tab=tab: tab.var(ROOT_STATE, "is_hydrated"))  # type: ignore[misc]  # of this round

            await call(tab, handler, **payload)

            assert tab.var(SETTINGS, "problem") == "", handler
            assert tab.var(SETTINGS, "devices") == [], handler


async def test_the_tabs_of_a_deleted_account_are_emptied_within_a_second(ada: Person) -> None:
    async with settings_of(ada) as tab:
        assert (await ada.leave()).status_code == 204
        await tab.until(lambda: tab.redirects, seconds=1)

        assert tab.var(SETTINGS, "profile")["id"] == ""
        assert tab.fact("account", "user_id") == ""
