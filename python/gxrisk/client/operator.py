"""What owners and operators call: the vaults of a server, each of their controls, and the kill switch."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from gxrisk.client.address import Address
from gxrisk.client.call import Answer, Call, new_key, number, vault_path
from gxrisk.client.client import TIMEOUT_S
from gxrisk.client.event_stream import EventStream, Told
from gxrisk.client.retries import Retries
from gxrisk.client.transport import Transport

_PAGE = "200"


class Operator:
    """The server with an operator's, an owner's or a reader's key; address, key, time and retries as for `Client`.

    Answers are what the API's description says, as `dict`s: decimals and times stay text, so that what is
    shown or kept is what the server said. Every change is done once, however often it had to be sent. Raises
    `ClientError`.
    """

    def __init__(
        self,
        base_url: str | None = None,
        key: str | None = None,
        *,
        key_file: str | os.PathLike[str] | None = None,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = None,
        allow_plain_http: bool = False,
    ) -> None:
        address = Address.of(base_url, key, key_file, allow_plain_http=allow_plain_http)
        self._transport = Transport(address, retries or Retries(), timeout_s)

    def __repr__(self) -> str:
        """Without the key."""
        return f"Operator({self._transport.url!r})"

    # Looking

    def vaults(self) -> list[Told]:
        """The vaults that the key is for, by name: `vault_id` and `status`."""
        page = self._get("/v1/vaults")
        vaults: list[Told] = page["vaults"]
        while (cursor := page.get("next_cursor")) is not None:
            page = self._get("/v1/vaults", {"cursor": cursor})
            vaults += page["vaults"]
        return vaults

    def vault(self, vault_id: str) -> Told:
        """A vault now."""
        return self._get(vault_path(vault_id))

    def limits(self, vault_id: str) -> tuple[Told, str]:
        """Every limit by name, and the ETag that a change of what was seen needs."""
        return self._transport.call(Call("GET", vault_path(vault_id, "limits"), _limits))

    def breakers(self, vault_id: str) -> Told:
        """The trading state, and each breaker that is tripped."""
        return self._get(vault_path(vault_id, "breakers"))

    def positions(self, vault_id: str) -> Told:
        """Positions and working orders."""
        return self._get(vault_path(vault_id, "positions"))

    def decisions(self, vault_id: str, *, outcome: str | None = None, newest_first: bool = True) -> Iterator[Told]:
        """Decisions and holds from the history, page after page, as they are asked for."""
        return self._rows(vault_path(vault_id, "decisions"), newest_first, {"outcome": outcome} if outcome else {})

    def trades(self, vault_id: str, *, newest_first: bool = True) -> Iterator[Told]:
        """Finished round trips."""
        return self._rows(vault_path(vault_id, "trades"), newest_first, {})

    def fills(self, vault_id: str, *, newest_first: bool = True) -> Iterator[Told]:
        """Executions."""
        return self._rows(vault_path(vault_id, "fills"), newest_first, {})

    def events(self, vault_id: str, since: int | None = None, *, kinds: Sequence[str] = ()) -> Iterator[Told]:
        """What a vault's journal says, as `Client.events` gives it."""
        return self._transport.follow(EventStream(vault_id, since, kinds))

    # Doing

    def create(self, vault_id: str, tier: str, strategy: Mapping[str, str], **more: Any) -> Told:
        """Make a vault; `strategy` has `name`, `version`, `content_hash`; more are `bar_s`, `assets`, `owner_key`."""
        body = {"vault_id": vault_id, "tier": tier, "strategy": dict(strategy), **more}
        return self._change("POST", "/v1/vaults", body)

    def fund(self, vault_id: str, transfer_id: str, amount: Any) -> Told:
        """Pay money in, once for each `transfer_id`."""
        return self._do(vault_id, "fund", {"transfer_id": transfer_id, "amount": number(amount)})

    def pause(self, vault_id: str) -> Told:
        """Halt the agent; exits by owner and protection still pass."""
        return self._do(vault_id, "pause")

    def resume(self, vault_id: str) -> Told:
        """End the pause."""
        return self._do(vault_id, "resume")

    def reopen(self, vault_id: str) -> Told:
        """Open a vault anew that was taken out, or is open for exits only; a `Conflict` while something is missing."""
        return self._do(vault_id, "reopen")

    def reactivate(self, vault_id: str, **how: Any) -> Told:
        """End a kill or a drawdown, as the owner; `rebase=True` measures the drawdown from today's equity.

        A vault with an owner's key needs `request`, in hex: what its owner signed (`gxrisk reactivate sign`).
        """
        return self._do(vault_id, "reactivate", how)

    def change_tier(self, vault_id: str, tier: str) -> Told:
        """Take another tier's limits, as the owner."""
        return self._do(vault_id, "tier", {"tier": tier})

    def change_limits(self, vault_id: str, changes: Mapping[str, Any], etag: str) -> Told:
        """Change limits as the owner, if they still are those of the ETag; else a `Conflict`."""
        headers = {"If-Match": etag}
        path = vault_path(vault_id, "limits")
        call = Call("PATCH", path, _limits, body=dict(changes), headers=headers, idempotency_key=new_key())
        return self._transport.call(call)[0]

    def scale_risk(self, vault_id: str, scale: Any) -> Told:
        """Multiply the size limits by this, above 0 and at most 1; an owner alone scales up."""
        path = vault_path(vault_id, "risk-scale")
        return self._change("PUT", path, {"scale": number(scale)})

    def close_position(self, vault_id: str, asset: str, reason: str) -> Told:
        """Close what the vault holds in an asset; gives the decision."""
        path = vault_path(vault_id, "positions", "close")
        return self._change("POST", path, {"asset": asset, "reason": reason})

    def reconcile(self, vault_id: str) -> Told:
        """Compare with the venue now; what differs restricts the vault."""
        return self._do(vault_id, "reconciliation")

    def retire(self, vault_id: str, reason: str) -> Told:
        """Close an empty vault for good."""
        return self._do(vault_id, "retire", {"reason": reason})

    def withdraw(self, vault_id: str, request: str) -> Told:
        """Hand in what `gxrisk withdraw sign` printed."""
        return self._do(vault_id, "withdrawals", {"request": request})

    def kill(self, vault_id: str, reason: str) -> Told:
        """Halt a vault and cancel everything; only its owner undoes that."""
        return self._do(vault_id, "kill", {"reason": reason})

    def kill_all(self, reason: str) -> list[str]:
        """The same for every vault that the key is for; gives their ids."""
        killed: list[str] = self._change("POST", "/v1/kill", {"reason": reason})["vault_ids"]
        return killed

    def cancel(self, vault_id: str, order_id: str) -> Told:
        """Ask the venue to end what is left of an order."""
        return self._change("DELETE", vault_path(vault_id, "orders", order_id))

    def push_marks(self, candles: Sequence[Told] = (), trades: Sequence[Told] = ()) -> Told:
        """Tell the market's prices, with a key of the scope `feed`; the answer comes when every vault has them."""
        return self._change("POST", "/v1/marks", {"candles": list(candles), "trades": list(trades)})

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Told:
        return self._transport.call(Call("GET", path, _told, query=query or {}))

    def _do(self, vault_id: str, what: str, body: Any = None) -> Told:
        return self._change("POST", vault_path(vault_id, what), body)

    def _change(self, method: str, path: str, body: Any = None) -> Told:
        return self._transport.call(Call(method, path, _told, body=body, idempotency_key=new_key()))

    def _rows(self, path: str, newest_first: bool, query: Mapping[str, str]) -> Iterator[Told]:
        asked = {**query, "limit": _PAGE, "order": "newest_first" if newest_first else "oldest_first"}
        while True:
            page = self._get(path, asked)
            yield from page["rows"]
            if page["next_cursor"] is None:
                return
            asked["cursor"] = page["next_cursor"]


def _told(answer: Answer) -> Told:
    told: Told = answer.json()
    if not isinstance(told, dict):
        raise TypeError("it is no object")
    return told


def _limits(answer: Answer) -> tuple[Told, str]:
    return _told(answer)["limits"], answer.headers["etag"]
