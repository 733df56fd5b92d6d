"""The momentum model on paper, through vault and gate.

python -m examples.momentum
"""

import asyncio

from examples.paper_run import trade

if __name__ == "__main__":
    asyncio.run(trade("gxrisk.agent.momentum:Momentum"))
