"""Values of a snapshot: as JSON, and on one line of a screen."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from gxrisk._native import Order
from gxrisk.cli.lines import number
from gxrisk.snapshot import WorkingOrder


def told(value: Any) -> Any:
    """A value of a snapshot for JSON: times as RFC 3339, orders and positions by their parts."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Order):
        return value.to_dict()
    if isinstance(value, WorkingOrder):
        return {field.name: told(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: told(one) for name, one in value.items()}
    return [told(one) for one in value] if isinstance(value, tuple) else value


def words(value: Any) -> str:
    """A value of a snapshot on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number(one)}" for name, one in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(f"{one.order_id} ({one.status})" for one in value) or "none"
    return number(value) if isinstance(value, Decimal) else str(value)
