"""Exits alone: what is left to a vault that may not trade any more."""

from gxrisk._native import Approval, ApprovalError, Order
from gxrisk.venues.protocol import Redeem


def exits_alone(redeem: Redeem) -> Redeem:
    """A `Redeem` for the account of a vault that may only leave: no order comes out of it but reductions.

    For an opening it raises `ApprovalError` (`exits_only`), and the gate is not asked; so no account that is given it
    can send one, whatever the gate has approved.
    """

    def redeem_exit(approval: Approval) -> Order:
        if not approval.order.reduce_only:
            error = ApprovalError(f"{approval.order_id} would open: {approval.vault_id} is open for exits only")
            error.code = "exits_only"
            raise error
        return redeem(approval)

    return redeem_exit
