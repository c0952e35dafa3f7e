"""The chat opened at another address than its own: the page shows which one to open."""

import pytest
from playwright.sync_api import expect

from tests.harness.visitors import OpenPage, Visitor

# Behind nginx the certificate holds for one name only.
pytestmark = pytest.mark.one_process


@pytest.mark.parametrize("path", ["/login", "/register", "/", "/people?x=1"])
def test_another_address_shows_the_right_one(
    address: str, new_profile: OpenPage, path: str
) -> None:
    page = new_profile(viewport={"width": 360, "height": 640})

    page.goto(address.replace("127.0.0.1", "localhost") + path)

    notice = page.get_by_role("status").filter(has_text="Please open the chat at")
    link = notice.get_by_role("link", name=address)
    expect(link).to_be_in_viewport()
    link.click()
    page.wait_for_url(f"{address}/**")
    expect(page.get_by_role("textbox", name="Username")).to_be_visible()
    expect(notice).to_have_count(0)


def test_the_right_address_shows_none(mira: Visitor) -> None:
    mira.open_home()

    expect(mira.page.get_by_role("status").filter(has_text="Please open")).to_have_count(0)
