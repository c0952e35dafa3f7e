"""The report of a run: a table and the verdict."""

from chaos.ledger import DeviceFindings, Findings
from chaos.plan import Plan
from chaos.run import Outcome

HEAD = ("device", "delivered", "lost", "doubled", "out of order", "altered", "leaked")


def report(plan: Plan, outcome: Outcome) -> str:
    """Return the table of findings, and the verdict."""
    findings = outcome.findings
    lines = [
        f"{plan}; seed {plan.seed}",
        "",
        *_table(findings.devices),
        "",
        *(f"{name:<30}{value:>10}" for name, value in _figures(findings)),
        f"{'longest gap':<30}{findings.longest_gap_s:>9.2f}s  from commit to the last device",
        *_done_to_it(outcome),
        "",
        verdict(outcome),
    ]
    return "\n".join(lines)


def verdict(outcome: Outcome) -> str:
    """Return the verdict in a line: whole, or the promises that were broken."""
    faults = [f"{count:,} {name}" for name, count in outcome.findings.faults.items()]
    if outcome.settled_after_s is None:
        faults.append("not settled in time")
    if not outcome.findings.sent:
        faults.append("nothing was sent")
    return "BROKEN: " + ", ".join(faults) if faults else "WHOLE: nothing lost, nothing doubled"


def _figures(findings: Findings) -> list[tuple[str, str]]:
    return [
        ("sent", f"{findings.sent:,}"),
        ("acked", f"{findings.acked:,}"),
        ("stored", f"{findings.stored:,}"),
        ("holes in seq", f"{findings.holes:,}"),
        ("stored twice", f"{findings.stored_twice:,}"),
    ]


def _done_to_it(outcome: Outcome) -> list[str]:
    lines = [f"{name:<30}{count:>10,}" for name, count in sorted(outcome.did.items())]
    if outcome.restarts:
        longest = max(restart.seconds for restart in outcome.restarts)
        lines.append(f"{'ready again after at most':<30}{longest:>9.2f}s")
    if outcome.settled_after_s is not None:
        lines.append(f"{'settled after':<30}{outcome.settled_after_s:>9.2f}s")
    return lines


def _table(devices: list[DeviceFindings]) -> list[str]:
    width = max(len(device.device) for device in devices)
    rows = [HEAD, *((one.device, *(f"{count:,}" for count in one[1:])) for one in devices)]
    return [f"{name:<{width}}" + "".join(f"{cell:>14}" for cell in cells) for name, *cells in rows]
