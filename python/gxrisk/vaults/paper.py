"""A paper vault's way to graduation: its record kept up, judged each hour, the certificate written when it is due."""

from typing import Final

from gxrisk._native import Gate
from gxrisk.vaults.certificate import TOPIC as CERTIFICATE
from gxrisk.vaults.certificate import issue
from gxrisk.vaults.evidence import PaperRecord
from gxrisk.vaults.graduation import Graduation, judge
from gxrisk.vaults.notices import Notices
from gxrisk.vaults.settings import VaultSettings

KEPT_EVERY: Final = 24  # hours; what came after the last note is folded again at the next opening


class Paper:
    """The paper period of one vault. A strategy's change begins a new one, and its certificate says of which it is."""

    def __init__(self, gate: Gate, settings: VaultSettings, notices: Notices) -> None:
        self._gate = gate
        self._notices = notices
        self.record = PaperRecord.resume(gate, settings)
        self._hours = 0

    def saw(self, at_ms: int) -> None:
        """Take a moment of the feed; a gap that it ended is kept at once."""
        if self.record.saw(at_ms) is not None:
            self.record.keep(self._gate)

    def explain(self, from_ms: int, reason: str) -> None:
        """The operator's word on the gap that began at `from_ms`, on record; it counts no longer."""
        self.record.explain(from_ms, reason)
        self.record.keep(self._gate)

    def judged(self, now_ms: int) -> Graduation:
        """What is shown so far, and what is missing."""
        self.record.catch_up(self._gate)
        return judge(self.record, self._gate.limits, now_ms)

    def hour(self, now_ms: int) -> None:
        """An hourly sample was noted: fold it, keep the record once a day, and graduate when that is due."""
        graduation = self.judged(now_ms)
        self._hours += 1
        if self._hours % KEPT_EVERY == 0:
            self.record.keep(self._gate)
        if graduation.has_graduated:
            before = self._gate.notes.get(CERTIFICATE)
            certificate = issue(self._gate, graduation.settings, graduation)
            if certificate.to_json() != before:
                named = f"{certificate.strategy.name} {certificate.strategy.version}"
                text = f"{named} has graduated in tier {certificate.tier}: it may be licensed at a live venue"
                self._notices.add(self._gate.snapshot().time.isoformat(), "info", "graduated", text)
