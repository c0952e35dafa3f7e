"""Story of a run: what happened, in order, for a person who looks for the cause of a violation."""

from collections import defaultdict
from collections.abc import Iterable

from simulation.checker import Violation, change_of, show
from simulation.run import Run

MAX_VIOLATIONS = 5


def story(run: Run, violations: Iterable[Violation]) -> str:
    """Return the story of a run, and which promises it broke."""
    lines = [str(run.plan), *_events(run)]
    found = list(violations)
    lines += [f"BROKEN  {one.kind}: {one.text}" for one in found[:MAX_VIOLATIONS]]
    if len(found) > MAX_VIOLATIONS:
        lines.append(f"BROKEN  … and {len(found) - MAX_VIOLATIONS} more")
    return "\n".join(lines)


def _events(run: Run) -> list[str]:
    events = [(one.at, f"{one.who}: {one.text}") for one in run.history.story]
    for client_id, sent in run.history.sent.items():
        events.append((sent.at, f"{sent.device}: sends {client_id} {sent.content!r}"))
    for version in run.tables.versions.values():
        text = f"{version.process}: commits {show(change_of(version.message))}"
        events.append((version.at, text))
    together: defaultdict[tuple[float, str], list[str]] = defaultdict(list)
    for one in run.history.received:
        key = round(one.at, 2), f"{one.how} {show(one.change)}"
        together[key].append(one.device)
    events += [(at, f"{', '.join(who)}: receives {what}") for (at, what), who in together.items()]
    return [f"{at:7.3f} s  {text}" for at, text in sorted(events)]
