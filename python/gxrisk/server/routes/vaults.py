"""Vaults: make one, list them, look at one."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from gxrisk._native import TIERS, Limits
from gxrisk.server.access import READERS, asks, changes
from gxrisk.server.control import note_actor
from gxrisk.server.desk import Desk
from gxrisk.server.fleet_lines import Status
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import (
    VAULTS_A_PAGE_MAX,
    Amount,
    Asset,
    Body,
    VaultCursor,
    VaultId,
    VaultsAPage,
    Word,
    desk_of,
    time_of,
)
from gxrisk.vaults import StrategyVersion, Vault, VaultSettings

router = APIRouter(route_class=Guarded, prefix="/v1/vaults", tags=["vaults"])
Tier = Annotated[str, Field(pattern=f"^({'|'.join(TIERS)})$", examples=["growth"])]


class StrategyBody(Body):
    """A strategy that runs as a client: its name, version and the SHA-256 of its content are its owner's word."""

    name: Word
    version: Word
    content_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class NewVault(Body):
    """A vault to be made; with `owner_key`, the public half of a master key in hex, money can be withdrawn.

    With `protection` the guards that the server is configured with stand before its gate.
    """

    vault_id: Word
    tier: Tier
    strategy: StrategyBody
    bar_s: Annotated[int, Field(ge=1, le=604_800)] = 60
    assets: Annotated[list[Asset], Field(min_length=1, max_length=250)] | None = None  # they fit into a note
    owner_key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    protection: bool = False


class VaultLine(BaseModel):
    """A vault in the list: `exits_only` is without its strategy, `failed` taken out, `retired` closed for good."""

    vault_id: str
    status: Status


class VaultList(BaseModel):
    """The vaults that the key is for, by name; `next_cursor` is null at the end."""

    vaults: list[VaultLine]
    next_cursor: str | None


class StrategyShown(BaseModel):
    """What the vault was set up with."""

    name: str
    version: str
    content_hash: str


class VaultShown(BaseModel):
    """A vault now. Money is in the account's currency, `drawdown` a fraction of the base.

    `exits_only` says why the vault runs without its strategy, so that it can only be left; null for one that is whole.
    `guards` are those before its gate, in the order in which they are asked; none where it has no protection.
    """

    vault_id: str
    tier: str
    strategy: StrategyShown
    venue: str
    is_live: bool
    guards: list[str]
    time: str
    sequence: int
    state: Literal["active", "reduce_only", "halted"]
    is_paused: bool
    is_killed: bool
    exits_only: str | None
    auto_pause: str | None
    is_withdrawing: bool
    equity: Amount
    collateral: Amount
    day_loss: Amount
    drawdown: Amount
    gross_exposure: Amount
    risk_scale: Amount
    daily_trades: int


async def shown(desk: Desk, vault: Vault) -> VaultShown:
    """The vault as an answer."""
    now = await desk.off_loop(vault.gate.snapshot)
    settings = vault.settings
    strategy = settings.strategy
    return VaultShown(
        vault_id=vault.vault_id,
        tier=settings.tier,
        strategy=StrategyShown(name=strategy.name, version=strategy.version, content_hash=strategy.content_hash),
        venue=settings.venue,
        is_live=settings.is_live,
        guards=[] if settings.protection is None else settings.protection.stages,
        time=time_of(now.time_ns) or "",
        sequence=now.sequence,
        state=vault.gate.state,
        is_paused=now.paused,
        is_killed=now.killed,
        exits_only=vault.exits_only,
        auto_pause=vault.auto_pause,
        is_withdrawing=vault.withdrawal is not None,
        equity=now.equity,
        collateral=now.collateral,
        day_loss=now.day_loss,
        drawdown=now.drawdown,
        gross_exposure=now.gross_exposure,
        risk_scale=now.risk_scale,
        daily_trades=now.daily_trades,
    )


@router.post("", status_code=201)
@changes("operate", "admin")
async def create_vault(request: Request, body: NewVault) -> VaultShown:
    """Make a vault with its tier's limits, or tighter ones where the operator's ceiling says so.

    The same vault once more changes nothing; another one of that name is a 409 with the code `vault_exists`.
    """
    desk = desk_of(request)
    if not request.state.key.covers(body.vault_id):
        raise Problem(403, "forbidden", "this key is for other vaults")
    if body.bar_s % desk.config.feed.bar_s:
        raise Problem(422, "invalid_request", f"bar_s: a multiple of the feed's {desk.config.feed.bar_s} s is allowed")
    given = body.strategy
    settings = VaultSettings(
        body.tier,
        StrategyVersion.declared(given.name, given.version, given.content_hash),
        body.bar_s,
        None if body.assets is None else tuple(body.assets),
        venue=desk.fleet.venue.name,
        is_live=desk.fleet.venue.is_live,
        protection=desk.config.protection if body.protection else None,
    )
    if body.vault_id in desk.vault_ids():
        vault = desk.vault(body.vault_id)
        if vault.settings != settings or vault.gate.owner_key != _key(body.owner_key):
            raise Problem(409, "vault_exists", f"there is another vault {body.vault_id}")
    else:
        vault = await desk.create(body.vault_id, settings, Limits.for_tier(body.tier), body.owner_key)
    note_actor(request, vault, "create", tier=body.tier)
    return await shown(desk, vault)


@router.get("")
@asks(*READERS)
async def list_vaults(
    request: Request,
    cursor: VaultCursor = None,
    limit: VaultsAPage = VAULTS_A_PAGE_MAX,
) -> VaultList:
    """The vaults that the key is for."""
    desk, key = desk_of(request), request.state.key
    names = [one for one in desk.vault_ids() if key.covers(one) and (cursor is None or one > cursor)]
    lines = [VaultLine(vault_id=one, status=desk.status_of(one)) for one in names[:limit]]
    return VaultList(vaults=lines, next_cursor=names[limit - 1] if len(names) > limit else None)


@router.get("/{vault_id}")
@asks(*READERS)
async def show_vault(request: Request, vault_id: VaultId) -> VaultShown:
    """A vault now."""
    desk = desk_of(request)
    return await shown(desk, desk.vault(vault_id))


def _key(hexadecimal: str | None) -> bytes | None:
    return None if hexadecimal is None else bytes.fromhex(hexadecimal)
