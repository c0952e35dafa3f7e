"""The policy of the pages: browsers run no script but those of the build."""

from tests.harness.visitors import Visitor

PUT_SCRIPT_IN = """() => {
  const script = document.createElement("script");
  script.textContent = "window.foreign = true";
  document.body.append(script);
  const picture = document.createElement("img");
  picture.setAttribute("onerror", "window.foreign = true");
  picture.src = "data:,";
  document.body.append(picture);
  return new Promise((resolve) => picture.addEventListener("error", () => resolve()));
}"""
EVALUATE = """() => {
  const run = globalThis.setTimeout;
  const refused = [];
  addEventListener("securitypolicyviolation", (event) => refused.push(event.blockedURI));
  run("window.foreign = true");
  return new Promise((resolve) => run(() => resolve(refused), 0));
}"""


def test_a_foreign_script_does_not_run_in_a_page(mira: Visitor) -> None:
    mira.open_home()
    page = mira.context.new_page()  # the fixture's page would fail for what is refused here
    page.goto(mira.url)

    page.evaluate(PUT_SCRIPT_IN)

    assert page.evaluate(EVALUATE) == ["eval"]
    assert page.evaluate("window.foreign") is None
    page.close()
