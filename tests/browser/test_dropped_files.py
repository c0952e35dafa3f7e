"""Files that are dropped on the chat: the page stays, and says that it cannot send them."""

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
    notice = mira.page.get_by_role("status").filter(has_text="Files cannot be sent yet.")
    expect(notice).to_be_in_viewport()
    expect(notice).to_have_count(0)


def test_dropped_words_reach_the_box(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)

    assert mira.box.evaluate(DROP, "text") == [False, False]
