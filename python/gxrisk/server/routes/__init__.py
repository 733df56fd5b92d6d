"""The API's operations, one file for each thing they are about. Each parses, calls once, and returns: no risk logic."""

from fastapi import APIRouter

from gxrisk.server.routes import (
    batch,
    breakers,
    feed,
    headroom,
    health,
    history,
    kill,
    lifecycle,
    limits,
    orders,
    positions,
    snapshot,
    vaults,
    withdrawals,
)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    vaults.router,
    lifecycle.router,
    withdrawals.router,
    kill.router,
    orders.router,
    batch.router,
    headroom.router,
    limits.router,
    positions.router,
    snapshot.router,
    breakers.router,
    history.router,
    feed.router,
)
