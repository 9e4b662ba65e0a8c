"""`solutionkit audit`: is the log of predictions whole, and who decided otherwise."""

from __future__ import annotations

import argparse

from solutionkit.errors import UserError
from solutionserve import audit_log


def main(options: argparse.Namespace) -> int:
    """Verify a log, or add to it that somebody decided otherwise."""
    try:
        return verify(options) if options.step == "verify" else override(options)
    except audit_log.AuditLogError as error:
        raise UserError(str(error)) from None


def override(options: argparse.Namespace) -> int:
    """Add that somebody decided otherwise."""
    found = audit_log.verify(options.log)
    if found.fault:
        raise UserError(f"{options.log}: {found.fault}; nothing is added to a log that does not hold.")
    if options.number is None or not options.decision or not options.operator:
        raise UserError("audit override: name --number, --decision and --operator.")
    said = audit_log.entry_of(options.log, options.number)
    if said.get("event") != "prediction":
        raise UserError(f"{options.log}: entry {options.number} is no prediction.")
    entry = {
        "event": "override",
        "of": options.number,
        "input": said["input"],
        "decision": options.decision,
        "operator": options.operator,
        "reason": options.reason or "",
    }
    added = audit_log.append(options.log, [entry])
    who = f"{options.operator} decided '{options.decision}' of entry {options.number}"
    print(f"entry {added.lines} says that {who}")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Say whether the log holds; 1 where it does not."""
    found = audit_log.verify(options.log, options.head or "")
    if found.fault:
        print(f"{options.log}: {found.fault}; {found.lines:,} lines hold")
        return 1
    print(f"{options.log}: {found.lines:,} lines hold; the last one's hash is {found.head}")
    return 0
