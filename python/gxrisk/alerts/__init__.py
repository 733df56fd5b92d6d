"""Alerts: what vaults tell reaches people, durably and not too often: Slack, mail, SMS and what else apprise knows."""

from gxrisk.alerts.courier import Answer, AppriseCourier, Courier
from gxrisk.alerts.errors import AlertError
from gxrisk.alerts.incidents import Incident
from gxrisk.alerts.outbox import Asked, Thread
from gxrisk.alerts.settings import AlertSettings, QuietHours, Routes
from gxrisk.alerts.sink import AlertSink, Tested
from gxrisk.alerts.wording import Message

__all__ = [
    "AlertError",
    "AlertSettings",
    "AlertSink",
    "Answer",
    "AppriseCourier",
    "Asked",
    "Courier",
    "Incident",
    "Message",
    "QuietHours",
    "Routes",
    "Tested",
    "Thread",
]
