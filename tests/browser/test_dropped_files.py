"""Files that are dropped on the chat: the page stays, wherever they are dropped."""

import pytest
from playwright.sync_api import expect

from tests.harness.visitors import Visitor

DROP = """(target, kind) => {
  const data = new DataTransfer();
  if (kind === "file") data.items.add(new File(["x"], "x.txt"));
  else data.setData("text/plain", "words");
  const fire = (type) => !target.dispatchEvent(
    new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true })
  );
  return [fire("dragover"), fire("drop")];
}"""


@pytest.mark.parametrize("place", [".log", "textarea", ".side"])
def test_a_dropped_file_does_not_replace_the_page(
    mira: Visitor, tomas: Visitor, place: str
) -> None:
    mira.open_chat_with(tomas)

    prevented = mira.page.locator(place).evaluate(DROP, "file")

    assert prevented == [True, True]
    notice = mira.page.get_by_role("status").filter(has_text="Open a conversation to send files.")
    expect(notice).to_have_count(1 if place == ".side" else 0)
    items = mira.page.get_by_role("list", name="Attached files").get_by_role("listitem")
    expect(items).to_have_count(0 if place == ".side" else 1)


def test_dropped_words_reach_the_box(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)

    assert mira.box.evaluate(DROP, "text") == [False, False]
