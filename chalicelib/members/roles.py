"""What a member of staff may be; a key carries one or more of these, and `admin` may do everything."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Stored and answered by value, so a value is never renamed."""

    OPERATOR = "operator"
    REVIEWER = "reviewer"
    GUIDE = "guide"
    STORE_MANAGER = "store_manager"
    CUSTOMER_SERVICE = "customer_service"
    FINANCE = "finance"
    ADMIN = "admin"
