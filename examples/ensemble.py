"""Four classifiers of scikit-learn, of which three must agree: trained on half of a recording, on paper in the other.

python -m examples.ensemble

The numbers are round ones, chosen beforehand. A model for more than a demonstration is trained elsewhere and saved, and
its file is listed in `ARTIFACTS`, so that a vault's version pins what was learnt and not the learning alone.
"""

import asyncio

from gxrisk.agent import Classifier, Ensemble
from gxrisk.agent.classifier_training import training_rows
from gxrisk.feeds import BarBuilder
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from examples.paper_run import BAR_S, halfway_ms, recording, trade

HORIZON = 12  # bars: an hour
THRESHOLD = 0.003  # a smaller move does not pay for the way in and out
CONFIDENCE_MIN = 0.4  # of three directions; chance would be a third
MODELS = {
    "linear": make_pipeline(StandardScaler(), LogisticRegression(C=0.1)),
    "bayes": GaussianNB(),
    "forest": RandomForestClassifier(n_estimators=8, min_samples_leaf=20, random_state=1),
    "boosting": GradientBoostingClassifier(n_estimators=20, max_depth=2, random_state=1),
}


def make() -> Ensemble:
    """The ensemble, trained on what was known when it begins to trade."""
    builder = BarBuilder(BAR_S * 1000)
    bars = [bar for candle in recording().candles for bar in builder.add(candle)]
    rows = training_rows(bars, HORIZON, THRESHOLD).known_by(halfway_ms())
    fitted = {name: model.fit(rows.values, rows.labels) for name, model in MODELS.items()}
    return Ensemble({name: Classifier(model, confidence_min=CONFIDENCE_MIN) for name, model in fitted.items()})


if __name__ == "__main__":
    asyncio.run(trade("examples.ensemble:make", from_ms=halfway_ms()))
