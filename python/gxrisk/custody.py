"""The owner's side of custody: the master key that withdrawals and reactivations need, and what it signs.

A gate knows the public half alone. Make the key, keep it and sign with it on a machine of the owner's, where no gate
and no model runs; `gxrisk keys`, `gxrisk withdraw` and `gxrisk reactivate` are the same as commands. The passphrase
that seals the key file comes from `passphrase_file`, else the file that `GXRISK_PASSPHRASE_FILE` names, else
`GXRISK_PASSPHRASE`.

>>> import tempfile
>>> from pathlib import Path
>>> from gxrisk import Gate, Limits, ManualClock
>>> folder = tempfile.TemporaryDirectory()
>>> key, passphrase = Path(folder.name, "owner.key"), Path(folder.name, "passphrase")
>>> passphrase.touch(mode=0o600)
>>> _ = passphrase.write_text("correct horse battery staple")
>>> public = create_owner_key(key, "ann", passphrase_file=passphrase)
>>> public == owner_public_key(key)
True

>>> clock = ManualClock("2020-03-12T00:00:00Z")
>>> gate = Gate("demo", Limits.for_tier("growth"), clock=clock, owner_key=public)
>>> gate.deposit(10_000)
>>> until = "2020-03-12T01:00:00Z"
>>> request = sign_withdrawal(key, "demo", 2_500, "account-1", expires=until, passphrase_file=passphrase)
>>> gate.withdraw(request)
('account-1', Decimal('2500'))
>>> gate.snapshot().equity
Decimal('7500')

A kill is ended by a signature for just that kill, the record that `stopped_by` names.

>>> gate.kill("something is wrong")
>>> signed = sign_reactivation(key, "demo", gate.stopped_by, expires=until, passphrase_file=passphrase)
>>> gate.reactivate(signed=signed)
>>> gate.state
'active'

>>> later = create_owner_key(Path(folder.name, "later.key"), "ann-2", passphrase_file=passphrase)
>>> gate.rotate_owner_key(later, sign_owner_key(key, "demo", later, passphrase_file=passphrase))
>>> gate.owner_key == later
True
>>> folder.cleanup()
"""

from gxrisk._native import (
    create_owner_key,
    owner_public_key,
    reactivation_message,
    sign_owner_key,
    sign_reactivation,
    sign_withdrawal,
)

__all__ = [
    "create_owner_key",
    "owner_public_key",
    "reactivation_message",
    "sign_owner_key",
    "sign_reactivation",
    "sign_withdrawal",
]
