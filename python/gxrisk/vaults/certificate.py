"""The certificate of a graduation: what a live venue asks for, signed by the head key of the paper vault."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from gxrisk._native import Gate, GxriskError, InvalidOrder, VaultError, verify_note
from gxrisk.history.amounts import plain
from gxrisk.protection.settings import ProtectionSettings
from gxrisk.vaults.correlation import CorrelationSettings
from gxrisk.vaults.graduation import Graduation, limits_hash
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.version import StrategyVersion

TOPIC: Final = "certificate"
FORMAT: Final = 1
_ANEW: Final = "changed ones begin anew on paper"

Code = Literal[
    "not_graduated",
    "missing",
    "malformed",
    "signature",
    "vault",
    "strategy_changed",
    "tier",
    "protection",
    "correlation",
]


class GraduationError(GxriskError):
    """A strategy version may not trade for real money; `code` says why."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Certificate:
    """That a strategy version, to the byte, met the requirements in a paper vault, so limited, guarded and grouped.

    `evidence` holds what was required and observed, and the performance; `from_ms` to `until_ms` is its feed time,
    `evidence_sequence` the last journal record that it was folded from. `sequence` and `hash` are the journal's head
    when it was issued, to find the same journal by.
    """

    vault_id: str
    strategy: StrategyVersion
    tier: str
    limits_hash: str
    evidence: Mapping[str, Any]
    from_ms: int
    until_ms: int
    evidence_sequence: int
    sequence: int
    hash: str
    protection: Mapping[str, Any] | None = None
    correlation: Mapping[str, Any] | None = None

    def to_json(self) -> str:
        """As the note `certificate` holds it."""
        return json.dumps({"format": FORMAT} | asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Certificate":
        """Read such a note. Raises `GraduationError` (`malformed`) for anything else."""
        try:
            kept = json.loads(text)
            if kept.pop("format") != FORMAT:
                raise ValueError("its format is unknown")
            certificate = cls(strategy=StrategyVersion(**kept.pop("strategy")), **kept)
            passed = [one["passed"] for one in certificate.evidence["requirements"]]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise GraduationError("malformed", f"this is no certificate: {type(error).__name__}: {error}") from error
        if not passed or any(one is not True for one in passed):
            raise GraduationError("malformed", "the certificate's own evidence does not meet the requirements")
        return certificate


def issue(gate: Gate, settings: VaultSettings, graduation: Graduation) -> Certificate:
    """Write the certificate of a graduation into the vault's journal, once; `gate.attest("certificate")` signs it.

    A certificate that the vault has for the same strategy version, tier, limits, guards and groups is given back as it
    is: asking again, after a crash too, makes no second one. Raises `GraduationError`: `not_graduated`, or
    `strategy_changed`, `tier`, `protection` or `correlation` where the vault is not any more what was judged.
    """
    if not graduation.has_graduated or graduation.from_ms is None or graduation.until_ms is None:
        missing = "; ".join(one.sentence for one in graduation.requirements if not one.passed)
        raise GraduationError("not_graduated", f"{gate.vault_id} has not graduated: {missing}")
    if settings.strategy != graduation.settings.strategy:
        raise GraduationError("strategy_changed", f"{gate.vault_id} runs another strategy version than was judged")
    if settings.tier != graduation.settings.tier or limits_hash(gate.limits) != graduation.limits_hash:
        raise GraduationError("tier", f"{gate.vault_id} has another tier or other limits than was judged")
    if settings.protection != graduation.settings.protection:
        raise GraduationError("protection", f"{gate.vault_id} has other guards than was judged")
    if settings.correlation != graduation.settings.correlation:
        raise GraduationError("correlation", f"{gate.vault_id} has other correlation groups than was judged")
    protection, correlation = _as_dict(settings.protection), _as_dict(settings.correlation)
    kept = gate.notes.get(TOPIC)
    if kept is not None:
        certificate = Certificate.from_json(kept)
        known = certificate.strategy, certificate.tier, certificate.limits_hash
        kept_guards, kept_groups = certificate.protection, certificate.correlation
        now = settings.strategy, settings.tier, graduation.limits_hash
        if (known, kept_guards, kept_groups) == (now, protection, correlation):
            return certificate
    head = gate.head()
    certificate = Certificate(
        vault_id=gate.vault_id,
        strategy=settings.strategy,
        tier=settings.tier,
        limits_hash=graduation.limits_hash,
        evidence=_evidence(graduation),
        from_ms=graduation.from_ms,
        until_ms=graduation.until_ms,
        evidence_sequence=graduation.sequence,
        sequence=head.sequence,
        hash=head.hash.hex(),
        protection=protection,
        correlation=correlation,
    )
    gate.note(TOPIC, certificate.to_json())
    return certificate


def check(
    token: bytes | None,
    head_key: bytes,
    vault_id: str,
    strategy: StrategyVersion,
    tier: str,
    protection: ProtectionSettings | None = None,
    correlation: CorrelationSettings | None = None,
) -> Certificate:
    """The certificate in `token`, where it lets this strategy version trade for real in this tier, so protected.

    `vault_id` and `head_key` are the paper vault's, known from elsewhere than the token. Raises `GraduationError` with
    the code `missing`, `malformed`, `signature`, `vault`, `strategy_changed`, `tier`, `protection` or `correlation`.
    """
    if not token:
        raise GraduationError("missing", f"{strategy.name} {strategy.version} has no certificate of graduation")
    certificate = Certificate.from_json(_signed_text(token, head_key, vault_id))
    if certificate.vault_id != vault_id:
        raise GraduationError("vault", f"the certificate is that of {certificate.vault_id}, not of {vault_id}")
    if certificate.strategy != strategy:
        raise GraduationError(
            "strategy_changed",
            f"the certificate is for {_named(certificate.strategy)}, not for {_named(strategy)}: "
            "a changed strategy begins anew on paper",
        )
    if certificate.tier != tier:
        raise GraduationError("tier", f"the strategy graduated in tier {certificate.tier}, not in {tier}")
    if certificate.protection != _as_dict(protection):
        raise GraduationError("protection", f"the strategy graduated with other guards: {_ANEW}")
    if certificate.correlation != _as_dict(correlation):
        raise GraduationError("correlation", f"the strategy graduated with other correlation groups: {_ANEW}")
    return certificate


def _as_dict(settings: ProtectionSettings | CorrelationSettings | None) -> dict[str, Any] | None:
    return None if settings is None else settings.to_dict()


def _signed_text(token: bytes, head_key: bytes, vault_id: str) -> str:
    try:
        note = verify_note(token, head_key, vault_id)
    except VaultError as error:
        code: Code = "malformed"
        if "another vault" in str(error):
            code = "vault"
        elif "signature" in str(error):
            code = "signature"
        raise GraduationError(code, str(error)) from error
    except InvalidOrder as error:
        raise GraduationError("malformed", str(error)) from error
    if note["topic"] != TOPIC:
        raise GraduationError("malformed", f"the vault signed a note on {note['topic']!r}, not a certificate")
    text: str = note["text"]
    return text


def _named(strategy: StrategyVersion) -> str:
    return f"{strategy.name} {strategy.version} ({strategy.content_hash[:12]})"


def _evidence(graduation: Graduation) -> dict[str, Any]:
    performance = graduation.performance
    assert performance is not None  # the profit was judged from it
    curve, trades = performance.curve, performance.trades
    exact = {
        "profit": performance.profit,
        "total_return": curve.total_return,
        "max_drawdown": curve.max_drawdown,
        "exposure": performance.exposure,
        "win_rate": trades.win_rate,
        "profit_factor": trades.profit_factor,
        "average_trade": trades.average,
    }
    return {
        "requirements": [asdict(one) for one in graduation.requirements],
        "served_ms": graduation.served_ms,
        "round_trips": trades.count,
        "sharpe": None if curve.sharpe is None else repr(curve.sharpe),
        "volatility": None if curve.volatility is None else repr(curve.volatility),
        **{name: None if value is None else plain(value) for name, value in exact.items()},
    }
