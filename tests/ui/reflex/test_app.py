"""The log of failures in handlers and in browsers, which anybody can cause."""

from structlog.testing import capture_logs

from chat_app.ui.reflex.app import (
    MAX_REPORT_LENGTH,
    REPORTS_PER_WINDOW,
    TRACES_PER_WINDOW,
    HandlerFailures,
    PageFailures,
)


def test_reports_of_browsers_are_cut_and_few() -> None:
    failures = PageFailures()
    with capture_logs() as logged:
        for _ in range(1_000):
            failures.report(Exception("x" * 100_000))

    assert len(logged) == REPORTS_PER_WINDOW
    assert {len(entry["report"]) for entry in logged} == {MAX_REPORT_LENGTH}


def test_traces_of_handlers_are_few() -> None:
    failures = HandlerFailures()
    with capture_logs() as logged:
        for _ in range(100):
            failures.report(ValueError())

    assert len(logged) == 100
    assert sum(entry["exc_info"] is not None for entry in logged) == TRACES_PER_WINDOW
