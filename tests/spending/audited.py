"""What the auditor of redemptions says of a test's mall."""

from __future__ import annotations

from chalicelib.ledger.audit import Finding
from chalicelib.ledger.table import open_ledger
from chalicelib.runtime.settings import settings
from local.audit_spending import SpendingAuditor


def differences() -> list[Finding]:
    """Everything that does not agree on the stage as it is."""
    found: list[Finding] = []

    def add(findings: list[Finding], **_read: int) -> None:
        found.extend(findings)

    SpendingAuditor(open_ledger(), settings().spending_table, add, pause=lambda _seconds: None).run()
    return found
