"""Clients of `gxrisk serve`: an agent's handle on its vault, and what owners and operators call.

`Client` and `AsyncClient` are also `gxrisk.Client` and `gxrisk.AsyncClient`.
"""

from gxrisk.client.agent import Agent, DecisionLike, ViolationLike
from gxrisk.client.answers import RemoteDecision, RemoteViolation
from gxrisk.client.client import AsyncClient, Client
from gxrisk.client.errors import (
    ClientConfigError,
    ClientError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerFailed,
    ServerUnavailable,
    Unauthorized,
)
from gxrisk.client.operator import Operator
from gxrisk.client.retries import Retries

__all__ = [
    "Agent",
    "AsyncClient",
    "Client",
    "ClientConfigError",
    "ClientError",
    "Conflict",
    "DecisionLike",
    "Forbidden",
    "InvalidRequest",
    "NotFound",
    "Operator",
    "RateLimited",
    "RemoteDecision",
    "RemoteViolation",
    "Retries",
    "ServerFailed",
    "ServerUnavailable",
    "Unauthorized",
    "ViolationLike",
]
