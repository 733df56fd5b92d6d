"""An agent of the live demonstration: a strategy as a replay has it, with the server's API instead of a gate."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Self
from uuid import uuid4

import httpx

from gxrisk.agent.loading import load_model
from gxrisk.agent.strategy import Action, Close, Hold, Open, Portfolio, View
from gxrisk.cli.failures import CommandError
from gxrisk.cli.live_market import LiveMarket
from gxrisk.feeds.atr import WilderAtr
from gxrisk.feeds.candles import Candle
from gxrisk.history.amounts import plain

EVERY: Final = 4  # candles from one question to the next
_HISTORY: Final = 64
_WITHIN_S: Final = 30.0


class Caller:
    """One key's calls of the server. Raises `CommandError` where one fails: a refused order is no failure."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=_WITHIN_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str) -> Any:
        """What is there."""
        return self._answer("GET", path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Have something done."""
        return self._answer("POST", path, json=body, headers={"Idempotency-Key": uuid4().hex})

    def loosen(self, vault_id: str, name: str, times: Decimal) -> None:
        """Multiply a limit of a vault that is flat, as its owner."""
        path = f"/v1/vaults/{vault_id}/limits"
        known = self._sent("GET", path)
        value = round(Decimal(known.json()["limits"][name]) * times, 9)
        headers = {"Idempotency-Key": uuid4().hex, "If-Match": known.headers["ETag"]}
        self._sent("PATCH", path, json={name: plain(value)}, headers=headers)

    def _answer(self, method: str, path: str, **more: Any) -> Any:
        return self._sent(method, path, **more).json()

    def _sent(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise CommandError(f"the server does not answer: {type(error).__name__}") from None
        if response.is_error:
            raise CommandError(f"{path}: {response.json().get('detail', response.status_code)}")
        return response


class Agent:
    """One vault's strategy: asked about one asset a second, each asset every few candles."""

    def __init__(self, caller: Caller, vault_id: str, model: str) -> None:
        self._caller = caller
        self._at = f"/v1/vaults/{vault_id}"
        self._strategy: Any = load_model(model)()
        self._turn = 0

    def follow(self, market: LiveMarket) -> None:
        """A second has passed."""
        self._turn += 1
        for number, (asset, told) in enumerate(market.told.items()):
            if told and self._turn % EVERY == number % EVERY:
                self._ask(asset, tuple(told[-_HISTORY:]))

    def _ask(self, asset: str, candles: tuple[Candle, ...]) -> None:
        vault, held = self._caller.get(self._at), self._caller.get(f"{self._at}/positions")
        if any(one["asset"] == asset for one in held["working"]):
            return
        positions = {one["asset"]: Decimal(one["quantity"]) for one in held["positions"]}
        at = datetime.fromtimestamp(candles[-1].end_ms / 1000, UTC)
        portfolio = Portfolio(Decimal(vault["equity"]), positions, state=vault["state"])
        action: Action = self._strategy.decide(View(asset, at, candles, _atr(candles), portfolio))
        said = {"confidence": f"{action.confidence:.4f}", "reasoning": action.reasoning, "asset": asset}
        match action:
            case Hold():
                self._caller.post(f"{self._at}/holds", said)
            case Close():
                quantity = positions[asset]
                side = "sell" if quantity > 0 else "buy"
                self._order({**said, "side": side, "quantity": plain(abs(quantity)), "reduce_only": True})
            case Open():
                self._open(action, said)

    def _open(self, action: Open, said: Mapping[str, Any]) -> None:
        order = {**said, "side": action.side, "quantity": plain(Decimal(str(action.quantity)))}
        if action.stop_loss is not None:
            order["stop_loss"] = f"{action.stop_loss:.6f}"
        answer = self._order(order)
        if action.resize and not answer["approved"]:
            most = self._caller.post(f"{self._at}/orders/max-quantity", order)["quantity"]
            if Decimal(most):
                self._order({**order, "quantity": most})

    def _order(self, order: Mapping[str, Any]) -> Any:
        return self._caller.post(f"{self._at}/orders", order)


def _atr(candles: tuple[Candle, ...]) -> float | None:
    atr = WilderAtr()
    for one in candles:
        atr.update(float(one.high), float(one.low), float(one.close))
    return atr.value
