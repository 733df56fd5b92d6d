"""The API's operations, one file for each thing they are about. Each parses, calls once, and returns: no risk logic."""

from fastapi import APIRouter

from gxrisk.server.routes import (
    breakers,
    events,
    feed,
    headroom,
    health,
    history,
    kill,
    lifecycle,
    limits,
    order_stream,
    orders,
    positions,
    vaults,
    withdrawals,
)

ROUTERS: tuple[APIRouter, ...] = (
    orders.router,  # what is asked most is found first
    health.router,
    vaults.router,
    lifecycle.router,
    withdrawals.router,
    kill.router,
    order_stream.router,
    headroom.router,
    limits.router,
    positions.router,
    breakers.router,
    history.router,
    events.router,
    feed.router,
)
