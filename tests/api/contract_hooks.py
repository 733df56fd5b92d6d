"""What schemathesis loads before it draws: every case is drawn afresh.

schemathesis leads Hypothesis towards what is answered with success. From the middle of a long run on Hypothesis then
makes such cases smaller, one after another, and hardly draws new ones: nothing new is asked, and slowly.
"""

import hypothesis


def _leads_nowhere(observation: float, *, label: str = "") -> float:
    return observation


hypothesis.target = _leads_nowhere
