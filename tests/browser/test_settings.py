"""Settings in the browser: two devices of one person, and two people."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.harness.clients import PASSWORD
from tests.harness.pages import wait_until
from tests.harness.visitors import NewDevice, NewVisitor, Visitor

NEW_PASSWORD = "a horse of another colour"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


def open_settings(person: Visitor) -> Page:
    """Go to the settings and wait for them."""
    person.page.goto(f"{person.url}/settings")
    expect(person.page.get_by_role("button", name="Save")).to_be_visible()
    return person.page


def devices(page: Page) -> Locator:
    """Return the rows of the devices."""
    return page.get_by_role("region", name="Devices").get_by_role("listitem")


def own_sound(person: Visitor) -> bool:
    """Ask the server for the person's choice."""
    sound: bool = person.http.get("/api/auth/me").json()["sound"]
    return sound


def test_the_settings_are_a_click_away_and_name_themselves(mira: Visitor) -> None:
    mira.open_home()

    mira.page.get_by_role("link", name="Settings").click()

    mira.page.wait_for_url(f"{mira.url}/settings")
    expect(mira.page.get_by_role("heading", level=1)).to_have_text("Settings")
    expect(mira.page).to_have_title(re.compile("Settings"))
    expect(mira.page.get_by_role("main")).to_have_count(1)
    expect(mira.page.get_by_role("button", name="Sign out", exact=True)).to_have_count(1)


def test_a_saved_profile_is_shown_at_once_and_after_a_reload(mira: Visitor) -> None:
    page = open_settings(mira)
    page.get_by_role("textbox", name="Display name").fill("  Mira Łind ")
    page.get_by_role("textbox", name="Status").fill("At the sea")
    page.get_by_role("textbox", name="About").fill("One line\nand another")

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(page.get_by_text("Mira Łind")).to_have_count(2)
    page.reload()
    expect(page.get_by_role("textbox", name="Display name")).to_have_value("Mira Łind")
    expect(page.get_by_role("textbox", name="Status")).to_have_value("At the sea")
    expect(page.get_by_role("textbox", name="About")).to_have_value("One line\nand another")


def test_an_error_stands_beside_its_field_and_nothing_typed_is_lost(mira: Visitor) -> None:
    page = open_settings(mira)
    name = page.get_by_role("textbox", name="Display name")
    name.fill("turned \u202e round")
    page.get_by_role("textbox", name="Status").fill("Still here")

    page.get_by_role("button", name="Save").click()

    expect(name).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field", has=name).get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("textbox", name="Status")).to_have_value("Still here")
    expect(page.get_by_text("Saved")).to_have_count(0)
    name.fill("Mira")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(name).to_have_attribute("aria-invalid", "false")


def test_a_switch_keeps_its_position_on_the_server_and_tells_the_other_tabs(mira: Visitor) -> None:
    page = open_settings(mira)
    other = mira.context.new_page()
    other.goto(mira.url)
    other.evaluate(
        "() => addEventListener('storage', event => {"
        " if (event.key.startsWith('chat.sound.')) globalThis.heard = event.newValue })"
    )
    sounds = page.get_by_role("switch", name="Message sounds")
    expect(sounds).to_have_attribute("aria-checked", "true")

    sounds.click()

    expect(sounds).to_have_attribute("aria-checked", "false")
    wait_until(other, "() => globalThis.heard === 'off'")
    assert not own_sound(mira)
    page.reload()
    expect(sounds).to_have_attribute("aria-checked", "false")
    assert page.evaluate("key => localStorage.getItem(key)", f"chat.sound.{mira.user_id}") == "off"


def test_sounds_off_of_one_account_leave_those_of_the_next_on(
    mira: Visitor, tomas: Visitor
) -> None:
    open_settings(mira).get_by_role("switch", name="Message sounds").click()
    expect(mira.page.get_by_role("switch", name="Message sounds")).to_have_attribute(
        "aria-checked", "false"
    )
    mira.page.get_by_role("button", name="Sign out", exact=True).click()
    mira.page.get_by_role("textbox", name="Username").fill(tomas.username)
    mira.page.get_by_role("textbox", name="Password").fill(PASSWORD)
    mira.page.get_by_role("button", name="Sign in").click()
    expect(mira.page.get_by_role("searchbox", name="Search people")).to_be_visible()

    mira.page.goto(f"{mira.url}/settings")

    sounds = mira.page.get_by_role("switch", name="Message sounds")
    expect(sounds).to_have_attribute("aria-checked", "true")
    stored = mira.page.evaluate("({...localStorage})")
    assert stored[f"chat.sound.{mira.user_id}"] == "off"
    assert stored[f"chat.sound.{tomas.user_id}"] == "on"
    assert "chat.sound" not in stored


def test_privacy_changed_in_another_tab_is_shown_when_the_page_is_looked_at(mira: Visitor) -> None:
    page = open_settings(mira)
    presence = page.get_by_role("switch", name="Show when I am online")
    expect(presence).to_have_attribute("aria-checked", "true")
    changed = {"accept_messages_from": "friends", "share_presence": False}
    mira.http.patch("/api/users/me", json=changed).raise_for_status()

    page.evaluate("dispatchEvent(new Event('focus'))")

    expect(presence).to_have_attribute("aria-checked", "false")
    expect(page.get_by_role("radio", name="Friends only")).to_be_checked()


def test_privacy_settings_are_stored(mira: Visitor) -> None:
    page = open_settings(mira)

    page.get_by_role("radio", name="Friends only").check()
    page.get_by_role("switch", name="Show when I am online").click()

    expect(page.get_by_role("switch", name="Show when I am online")).to_have_attribute(
        "aria-checked", "false"
    )
    me = mira.http.get("/api/auth/me").json()
    assert (me["accept_messages_from"], me["share_presence"]) == ("friends", False)
    page.reload()
    expect(page.get_by_role("radio", name="Friends only")).to_be_checked()


def test_a_device_signs_another_one_out(mira: Visitor, new_device: NewDevice) -> None:
    lost = new_device(mira, user_agent=FIREFOX)
    page = open_settings(mira)
    expect(devices(page)).to_have_count(2)
    expect(devices(page).filter(has_text="This device")).to_have_count(1)

    page.get_by_role("button", name="Sign out Firefox on Linux").click()

    lost.wait_for_url(re.compile("/login"))
    expect(devices(page)).to_have_count(1)
    expect(devices(page)).to_contain_text("This device")
    lost.goto(f"{mira.url}/settings")
    lost.wait_for_url(re.compile("/login"))


def test_all_other_devices_are_signed_out_after_a_second_thought(
    mira: Visitor, new_device: NewDevice
) -> None:
    others = [new_device(mira), new_device(mira)]
    page = open_settings(mira)
    page.get_by_text("Sign out everywhere else").click()

    page.get_by_role("button", name="Yes, sign them out").click()

    for other in others:
        other.wait_for_url(re.compile("/login"))
    expect(devices(page)).to_have_count(1)
    expect(page.get_by_text("Sign out everywhere else")).to_have_count(0)


def test_a_new_password_signs_the_others_out_and_this_device_goes_on(
    mira: Visitor, new_device: NewDevice
) -> None:
    other = new_device(mira)
    page = open_settings(mira)
    current, new = page.get_by_label("Current password"), page.get_by_label("New password")
    current.fill("not the password")
    new.fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(current).to_have_attribute("aria-invalid", "true")
    expect(current).to_be_focused()
    expect(new).to_have_value(NEW_PASSWORD)
    current.fill(PASSWORD)

    page.get_by_role("button", name="Change password").click()

    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    expect(current).to_have_value("")
    other.wait_for_url(re.compile("/login"))
    expect(devices(page)).to_have_count(1)
    other.goto(f"{mira.url}/login")
    other.get_by_label("Username").fill(mira.username)
    other.get_by_label("Password").fill(NEW_PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("searchbox", name="Search people")).to_be_visible()


def test_deleting_the_account_asks_for_the_password(mira: Visitor, tomas: Visitor) -> None:
    mira.post(tomas, "remember me")
    page = open_settings(mira)
    page.get_by_text("Delete account").click()
    password = page.get_by_label("Your password, to confirm")
    password.fill("not the password")
    page.get_by_role("button", name="Delete my account for ever").click()
    expect(password).to_have_attribute("aria-invalid", "true")
    password.fill(PASSWORD)

    page.get_by_role("button", name="Delete my account for ever").click()

    page.wait_for_url(f"{mira.url}/login")
    assert mira.http.get("/api/auth/me").status_code == 401
    tomas.open_home()
    expect(tomas.conversations.get_by_role("link", name="Deleted user")).to_be_visible()


def test_signing_out_at_the_end_of_the_settings(mira: Visitor) -> None:
    page = open_settings(mira)

    page.get_by_role("button", name="Sign out", exact=True).click()

    page.wait_for_url(f"{mira.url}/login")
    assert mira.http.get("/api/auth/me").status_code == 401


def test_the_state_of_notifications_is_shown(new_visitor: NewVisitor) -> None:
    for permission, words in (("granted", "allowed"), ("denied", "blocked"), (None, "cannot show")):
        mira = new_visitor("Mira Lind")
        mira.page.add_init_script(
            f"Object.defineProperty(Notification, 'permission', {{ get: () => '{permission}' }})"
            if permission
            else "delete window.Notification"
        )

        page = open_settings(mira)

        expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()
        expect(page.get_by_role("button", name="Allow desktop notifications")).to_be_hidden()


def test_notifications_are_asked_for_on_a_click_only(mira: Visitor) -> None:
    mira.page.add_init_script(
        "window.asked = 0; let said = 'default';"
        "Object.defineProperty(Notification, 'permission', { get: () => said });"
        "Notification.requestPermission = async () => { asked += 1; said = 'granted' };"
    )
    page = open_settings(mira)
    assert page.evaluate("asked") == 0

    page.get_by_role("button", name="Allow desktop notifications").click()

    expect(page.get_by_role("status").filter(has_text="allowed")).to_be_visible()
    assert page.evaluate("asked") == 1


def test_every_setting_is_reached_by_the_keyboard(mira: Visitor) -> None:
    page = open_settings(mira)
    page.get_by_role("textbox", name="Display name").focus()
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const e = document.activeElement;"
            " return e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent }"
        )
        seen.append(focused)
        if focused == "Message sounds":
            page.keyboard.press("Space")
        elif focused == "Delete account":
            page.keyboard.press("Enter")
        elif focused == "Delete my account for ever":
            break
    expect(page.get_by_role("switch", name="Message sounds")).to_have_attribute(
        "aria-checked", "false"
    )

    for name in (
        "Status",
        "About",
        "Save",
        "Show when I am online",
        "Message sounds",
        "Current password",
        "Change password",
        "Sign out",
        "Delete account",
        "Your password, to confirm",
        "Delete my account for ever",
    ):
        assert name in seen, seen


def test_on_a_phone_the_settings_fill_the_screen_and_lead_back(
    new_visitor: NewVisitor,
) -> None:
    mira = new_visitor(
        "Mira " + "Wolfeschlegelsteinhausen" * 3, viewport={"width": 360, "height": 640}
    )
    page = open_settings(mira)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    expect(page.get_by_role("searchbox", name="Search people")).to_be_hidden()

    page.get_by_role("link", name="Back to the conversations").click()

    expect(page.get_by_role("searchbox", name="Search people")).to_be_visible()


def test_a_peer_sees_a_new_name_at_once(mira: Visitor, tomas: Visitor) -> None:
    mira.post(tomas, "hello")
    tomas.open_chat_with(mira)
    expect(tomas.page.get_by_role("heading", level=1)).to_have_text("Mira Lind")
    page = open_settings(mira)
    page.get_by_role("textbox", name="Display name").fill("Mira Anew")

    page.get_by_role("button", name="Save").click()

    expect(tomas.page.get_by_role("heading", level=1)).to_have_text("Mira Anew")
    expect(tomas.conversations.get_by_role("link", name="Mira Anew")).to_be_visible()


def test_a_peer_sees_a_deleted_account_at_once(mira: Visitor, tomas: Visitor) -> None:
    mira.post(tomas, "hello")
    tomas.open_chat_with(mira)
    expect(tomas.message("hello")).to_be_visible()

    mira.http.request("DELETE", "/api/auth/me", json={"password": PASSWORD}).raise_for_status()

    expect(tomas.page.get_by_role("heading", level=1)).to_have_text("Deleted user")
    expect(tomas.message("hello")).to_be_visible()
    tomas.write("are you there?")
    expect(tomas.message("are you there?").get_by_role("img", name="Failed")).to_be_visible()
