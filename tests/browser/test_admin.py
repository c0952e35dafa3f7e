"""The owner's page, what members report to it, and the link that resets a password."""

import re
import zipfile
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.harness.clients import OWNER, PASSWORD, page_client
from tests.harness.pages import assert_usable
from tests.harness.visitors import PHONE, OpenPage, Visitor, add_cookies

NEW_PASSWORD = "another horse battery"


@pytest.fixture
def http(address: str) -> Iterator[httpx.Client]:
    """Yield a client of the chat's admin."""
    with page_client(address) as client:
        body = {"username": OWNER, "password": PASSWORD, "tokens": False}
        client.post("/api/auth/login", json=body).raise_for_status()
        yield client


@pytest.fixture
def owner(address: str, http: httpx.Client, new_profile: OpenPage) -> Page:
    """Return a page at which the admin is signed in."""
    page = new_profile()
    add_cookies(page.context, http)
    page.goto(f"{address}/settings")
    return page


def find(page: Page, username: str) -> None:
    """Find somebody in the list of people."""
    people = page.get_by_role("region", name="People")
    people.get_by_role("searchbox", name="Find people").fill(username)
    expect(people.get_by_role("listitem")).to_have_count(1)


def test_a_reported_person_is_disabled_from_the_owners_page(
    owner: Page, mira: Visitor, tomas: Visitor
) -> None:
    tomas.post(mira, "Buy my things")
    mira.open_chat_with(tomas)
    mira.message("Buy my things").get_by_role("button", name="More actions").press("Enter")
    mira.page.get_by_role("menuitem", name="Report").click()
    dialog = mira.page.get_by_role("dialog", name="Report")
    dialog.get_by_role("button", name="Send report").click()
    expect(dialog.get_by_role("alert")).to_have_text("Write what is wrong first.")
    dialog.get_by_role("textbox", name="What is wrong?").fill("It is spam")
    dialog.get_by_role("button", name="Send report").click()
    expect(mira.page.get_by_text("Thank you. The report is sent.")).to_be_visible()

    owner.get_by_role("link", name="Open the administration").click()
    reports = owner.get_by_role("region", name="Reports")
    report = reports.get_by_role("listitem").filter(has_text="It is spam").first
    expect(report).to_contain_text("Buy my things")
    report.get_by_role("button", name=re.compile("Manage")).click()
    sheet = owner.get_by_role("dialog", name="Tomas Okafor")
    sheet.get_by_role("button", name="Disable").click()
    question = owner.get_by_role("dialog", name="Disable Tomas Okafor?")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Disable").click()
    expect(sheet).to_be_hidden()
    report.get_by_role("button", name="Resolve").click()
    expect(report.get_by_text("Resolved", exact=True)).to_be_visible()

    find(owner, tomas.username)
    expect(owner.get_by_role("region", name="People").get_by_text("Disabled")).to_be_visible()
    audit = owner.get_by_role("region", name="Audit log")
    expect(audit).to_contain_text(f"@{OWNER} resolved a report about @{tomas.username}")
    expect(audit).to_contain_text(f"@{OWNER} disabled @{tomas.username}")
    tomas.page.goto(f"{tomas.url}/login")
    tomas.page.get_by_role("textbox", name="Username").fill(tomas.username)
    tomas.page.get_by_label("Password", exact=True).fill(PASSWORD)
    tomas.page.get_by_role("button", name="Sign in").click()
    expect(tomas.page.get_by_role("alert").filter(has_text="is disabled")).to_be_visible()


def test_a_person_is_reported_from_their_menu(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.page.get_by_role("button", name="More", exact=True).click()
    mira.page.get_by_role("dialog", name="Tomas Okafor").get_by_role(
        "button", name="Report"
    ).click()
    dialog = mira.page.get_by_role("dialog", name="Report")
    mira.page.route("**/report", lambda route: route.abort())
    dialog.get_by_role("textbox", name="What is wrong?").fill("Rude")
    dialog.get_by_role("button", name="Send report").click()
    expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
    mira.page.unroute("**/report")
    dialog.get_by_role("button", name="Send report").click()
    expect(dialog).to_be_hidden()


def test_a_failure_is_shown_and_tried_again(
    address: str, http: httpx.Client, new_profile: OpenPage, mira: Visitor
) -> None:
    page = new_profile(**PHONE)
    add_cookies(page.context, http)
    page.route("**/api/admin/**", lambda route: route.abort())
    page.goto(f"{address}/admin")
    people = page.get_by_role("region", name="People")
    expect(people.get_by_role("alert")).to_contain_text("cannot be reached")
    page.unroute("**/api/admin/**")
    for region in ("People", "Invitations", "Reports", "Activity", "Backups", "Audit log"):
        page.get_by_role("region", name=region).get_by_role("button", name="Try again").click()
    expect(page.get_by_text("All is well")).to_be_visible()
    find(page, mira.username)
    assert_usable(page)

    people.get_by_role("button", name="Manage Mira Lind").click()
    assert_usable(page)
    page.get_by_role("dialog").get_by_role("button", name="Make admin").click()
    expect(people.get_by_text("Admin", exact=True)).to_be_visible()
    expect(people.get_by_role("button", name="Manage Mira Lind")).to_be_focused()
    path = f"/api/admin/users/{mira.user_id}"
    http.patch(path, json={"admin": False}).raise_for_status()


def test_nobody_else_sees_anything_of_the_page(mira: Visitor) -> None:
    mira.page.goto(f"{mira.url}/settings")
    expect(mira.page.get_by_text("This device")).to_be_visible()
    expect(mira.page.get_by_role("link", name="Open the administration")).to_have_count(0)

    mira.page.goto(f"{mira.url}/admin")

    people = mira.page.get_by_role("region", name="People")
    expect(people.get_by_role("alert")).to_contain_text("There is nothing here.")
    expect(mira.page.locator("chat-admin").get_by_role("listitem")).to_have_count(0)


def test_an_invitation_is_made_and_withdrawn(owner: Page, address: str) -> None:
    owner.goto(f"{address}/admin")
    invitations = owner.get_by_role("region", name="Invitations")
    expect(invitations.get_by_text("Anybody may register here.")).to_be_visible()
    invitations.get_by_role("button", name="Invite somebody").click()
    dialog = owner.get_by_role("dialog", name="Invite somebody")
    dialog.get_by_role("combobox", name="May be used by").select_option("5 people")
    dialog.get_by_role("button", name="Make link").click()
    link = owner.get_by_role("dialog", name="Invitation").get_by_role("textbox", name="Link")
    expect(link).to_have_value(re.compile(rf"^{re.escape(address)}/invite/[\w-]+$"))
    owner.keyboard.press("Escape")
    made = invitations.get_by_role("listitem").filter(has_text="Used 0 of 5 times")
    made.get_by_role("button", name="Withdraw").click()
    owner.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(made).to_have_count(0)


def test_a_reset_link_sets_a_password(
    http: httpx.Client, mira: Visitor, new_profile: OpenPage
) -> None:
    reply = http.post(f"/api/admin/users/{mira.user_id}/reset").raise_for_status()
    page = new_profile()
    page.goto(reply.json()["url"])
    field = page.get_by_label("New password", exact=True)
    field.fill("short")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("alert").filter(has_text="at least 10")).to_be_visible()
    assert_usable(page)
    field.fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page).to_have_url(re.compile("/login$"))
    page.get_by_role("textbox", name="Username").fill(mira.username)
    page.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("searchbox", name="Search people")).to_be_visible()

    page.goto(reply.json()["url"])
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD + "!")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("alert").filter(has_text="was used")).to_be_visible()


def test_a_backup_is_made_and_downloaded_by_keyboard(
    address: str, http: httpx.Client, new_profile: OpenPage
) -> None:
    page = new_profile(**PHONE)
    add_cookies(page.context, http)
    page.goto(f"{address}/admin")
    backups = page.get_by_role("region", name="Backups")
    now = backups.get_by_role("button", name="Back up now")
    page.route("**/api/admin/backups", lambda route: route.abort())
    now.press("Enter")
    expect(backups.get_by_role("alert").filter(has_text="cannot be reached")).to_have_count(2)
    page.unroute("**/api/admin/backups")

    now.press("Enter")
    expect(backups.get_by_role("status")).to_have_text("The backup is made.")

    expect(now).to_be_focused()
    assert_usable(page)
    backups.get_by_role("button", name=re.compile("Download the backup of")).first.press("Enter")
    question = page.get_by_role("dialog", name="Download this backup?")
    expect(question).to_contain_text("hashes of their passwords")
    assert_usable(page)
    with page.expect_download() as downloading:
        question.get_by_role("link", name="Download").press("Enter")
    assert zipfile.is_zipfile(downloading.value.path())
    expect(question).to_be_hidden()
    audit = page.get_by_role("region", name="Audit log")
    expect(audit).to_contain_text(f"@{OWNER} made a backup")
    expect(audit).to_contain_text(f"@{OWNER} downloaded a backup")
