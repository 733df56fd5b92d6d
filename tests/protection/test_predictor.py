"""The predictor of failing trades: what its rank promises, honest evaluation, and files that cannot be trusted."""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gxrisk.protection import FailurePredictor, PredictorError, PredictorSettings
from gxrisk.protection.predictor_evaluation import area, evaluate
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from skops.io import dumps

NAMES = ("return_1", "volatility_16", "volume_ratio")
FAST = PredictorSettings(trees=25)


def rows(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Features of trades, in very different units."""
    return (np.random.default_rng(seed).normal(size=(count, 3)) + shift) * [0.001, 1.0, 1e6]


def trained(count: int = 300, settings: PredictorSettings = FAST) -> FailurePredictor:
    """A predictor trained with some successful trades."""
    predictor = FailurePredictor(NAMES, version="1", settings=settings)
    predictor.train(rows(count, 1))
    return predictor


@pytest.fixture(scope="module")
def predictor() -> FailurePredictor:
    """One that learned of a thousand trades, of which it keeps 400 to compare with."""
    return trained(1000)


# The rank


@pytest.mark.parametrize(("count", "is_trained"), [(0, False), (99, False), (100, True)])
def test_unknown_until_there_are_enough_trades(count: int, is_trained: bool) -> None:
    predictor = trained(count)
    risk = predictor.judge(rows(1, 2)[0])
    assert (predictor.is_trained, risk.level is not None, risk.rank is not None) == (is_trained,) * 3
    if not is_trained:
        assert risk.reason == f"unknown: {count} of 100 successful trades that are needed"
        assert predictor.evaluate(rows(40, 3), [True, False] * 20).verdict == "unknown"


def test_training_anew_with_too_few_is_unknown_again() -> None:
    predictor = trained(100)
    predictor.train(rows(99, 1))
    assert not predictor.is_trained


def test_scores_are_scikit_learns_own() -> None:
    """The same forest, by hand: scaler and isolation forest on the three fifths that the seed draws."""
    predictor = trained(300, PredictorSettings(trees=25, seed=7))
    order = np.random.default_rng(7).permutation(300)
    all_rows = rows(300, 1)
    scaler = StandardScaler().fit(all_rows[order[120:]])
    forest = IsolationForest(n_estimators=25, random_state=7).fit(scaler.transform(all_rows[order[120:]]))
    kept = -forest.score_samples(scaler.transform(all_rows[order[:120]]))
    for one in rows(20, 5, shift=1.0):
        score = -forest.score_samples(scaler.transform([one]))[0]
        assert predictor.judge(one).rank == pytest.approx(1 - (1 + (kept >= score).sum()) / 121, abs=1e-12)


def test_the_rank_keeps_its_promise_for_trades_never_seen(predictor: FailurePredictor) -> None:
    """Of successful trades 5 % are elevated and 1 % high, within what chance allows; of strange ones nearly all."""
    levels = [predictor.judge(one).level for one in rows(600, 4)]
    elevated = sum(level != "low" for level in levels) / 600
    assert 0.02 < elevated < 0.09
    assert sum(level == "high" for level in levels) / 600 < 0.03
    strange = [predictor.judge(one).level for one in rows(50, 5, shift=5.0)]
    assert strange.count("low") == 0


def test_a_rank_is_never_certain() -> None:
    """Of 40 trades to compare with the most unusual is 1 in 41: elevated, and high needs a hundred."""
    risk = trained(100).judge([1.0, 1e3, 1e9])
    assert (risk.level, risk.rank) == ("elevated", pytest.approx(40 / 41))
    assert "no probability of loss" in risk.reason


def test_the_same_seed_gives_the_same_ranks_and_another_one_others() -> None:
    asked = rows(30, 6)

    def ranks(seed: int) -> list[float | None]:
        predictor = trained(200, PredictorSettings(trees=25, seed=seed))
        return [predictor.judge(one).rank for one in asked]

    assert ranks(3) == ranks(3) != ranks(4)


def test_units_do_not_matter(predictor: FailurePredictor) -> None:
    other = FailurePredictor(NAMES, version="1", settings=FAST)
    other.train(rows(1000, 1) * [1024.0, 1 / 1024, 2.0])
    for one in rows(10, 7):
        assert other.judge(one * [1024.0, 1 / 1024, 2.0]).rank == predictor.judge(one).rank


# Evaluation


@given(
    st.lists(st.integers(0, 9).map(float), min_size=1, max_size=30),
    st.lists(st.integers(0, 9).map(float), min_size=1, max_size=30),
)
def test_auc_is_scikit_learns(failed: list[float], succeeded: list[float]) -> None:
    truth = [1] * len(failed) + [0] * len(succeeded)
    assert area(np.array(failed), np.array(succeeded)) == pytest.approx(roc_auc_score(truth, failed + succeeded))


def test_failures_that_are_unlike_are_told_apart(predictor: FailurePredictor) -> None:
    held_out = np.vstack([rows(60, 8, shift=2.0), rows(60, 9)])
    found = predictor.evaluate(held_out, [True] * 60 + [False] * 60)
    assert found.verdict == "better than chance"
    assert found.low is not None
    assert 0.5 < found.low < (found.auc or 0) < (found.high or 0) <= 1


def test_failures_like_any_other_trade_are_no_evidence(predictor: FailurePredictor) -> None:
    found = predictor.evaluate(rows(200, 10), [n % 2 == 0 for n in range(200)])
    assert found.verdict == "no evidence"
    assert found.reason.startswith("no evidence: AUC 0.")


def test_failures_in_the_middle_are_worse_than_chance(predictor: FailurePredictor) -> None:
    held_out = np.vstack([rows(60, 11) * 0.1, rows(60, 12)])
    assert predictor.evaluate(held_out, [True] * 60 + [False] * 60).verdict == "worse than chance"


@pytest.mark.parametrize(("failed", "verdict"), [(9, "unknown"), (10, "better than chance")])
def test_too_few_failures_are_unknown(failed: int, verdict: str, predictor: FailurePredictor) -> None:
    held_out = np.vstack([rows(failed, 13, shift=5.0), rows(30, 14)])
    assert predictor.evaluate(held_out, [True] * failed + [False] * 30).verdict == verdict


@pytest.mark.parametrize("seed", [41])
def test_the_interval_says_better_than_chance_by_chance_rarely(seed: int) -> None:
    random = np.random.default_rng(seed)
    verdicts = [
        evaluate(random.normal(size=40), random.normal(size=40), resamples=200, seed=n).verdict for n in range(100)
    ]
    assert verdicts.count("better than chance") <= 8  # 2.5 expected
    assert verdicts.count("worse than chance") <= 8


# Files


@pytest.fixture(scope="module")
def file(predictor: FailurePredictor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved predictor."""
    path = tmp_path_factory.mktemp("predictor") / "failures.predictor"
    predictor.save(path)
    return path


def load(path: Path, **more: Any) -> FailurePredictor:
    """Read a file with the hash that it has, as somebody would who changed the record as well."""
    wanted = {"digest": sha256(path.read_bytes()).hexdigest(), "names": NAMES, "version": "1", "settings": FAST}
    return FailurePredictor.load(path, **{**wanted, **more})


def test_a_file_gives_the_same_answers(predictor: FailurePredictor, tmp_path: Path) -> None:
    digest = predictor.save(tmp_path / "one")
    assert digest == sha256((tmp_path / "one").read_bytes()).hexdigest()
    assert [one.name for one in tmp_path.iterdir()] == ["one"]
    again = load(tmp_path / "one", digest=digest)
    for one in rows(20, 15, shift=1.0):
        assert again.judge(one) == predictor.judge(one)
    header = json.loads((tmp_path / "one").read_bytes().split(b"\n")[0])
    assert (header["names"], header["version"], header["trades"]) == (list(NAMES), "1", 1000)


def headed(**changes: Any) -> Callable[[bytes], bytes]:
    """Change the header."""

    def change(content: bytes) -> bytes:
        line, _, body = content.partition(b"\n")
        return json.dumps({**json.loads(line), **changes}).encode() + b"\n" + body

    return change


def holding(thing: object) -> Callable[[bytes], bytes]:
    """Put something else where the forest is."""
    return lambda content: content.partition(b"\n")[0] + b"\n" + dumps(thing)


REFUSED: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("newer", headed(format=2), "format 2 was seen, up to 1 is known: a newer gxrisk wrote this file"),
    ("older", headed(format=0), "format 0 with .* was seen, format 1 is allowed"),
    ("a format that is none", headed(format=True), "format True with"),
    ("one field more", headed(more=1), "'more'.* was seen"),
    ("another scikit-learn", headed(scikit_learn="0.1"), "scikit-learn 0.1 wrote .*train it again"),
    ("other features", headed(names=["return_1"]), r"of \['return_1'\] was seen, version '1' of \['return_1', 'vola"),
    ("another version", headed(version="2"), "version '2' of .* was seen, version '1'"),
    ("no header", lambda content: content.partition(b"\n")[2], "this is no predictor's file"),
    ("empty", lambda content: b"", "this is no predictor's file"),
    ("cut off", lambda content: content[:-1000], "cannot be read"),
    ("no body", lambda content: content.partition(b"\n")[0] + b"\n", "cannot be read"),
    ("a function of the system", holding({"pipeline": subprocess.Popen, "calibration": 1}), "holds .*Popen"),
    ("something else", holding([1, 2, 3]), "holds no forest"),
    ("another model", holding({"pipeline": LogisticRegression(), "calibration": np.ones(3)}), "holds no forest"),
]


@pytest.mark.parametrize(("what", "change", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_file_of_no_use_is_refused(
    what: str, change: Callable[[bytes], bytes], said: str, file: Path, tmp_path: Path
) -> None:
    """Even with the right hash."""
    other = tmp_path / "other"
    other.write_bytes(change(file.read_bytes()))
    with pytest.raises(PredictorError, match=said):
        load(other)


def test_any_changed_byte_is_refused_before_anything_is_read(file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    digest = sha256(content).hexdigest()
    for place in (0, 5, len(content) // 2, len(content) - 1):
        changed = bytearray(content)
        changed[place] ^= 1
        (tmp_path / "changed").write_bytes(changed)
        with pytest.raises(PredictorError, match="is not the recorded file: SHA-256"):
            load(tmp_path / "changed", digest=digest)
    with pytest.raises(PredictorError, match="is not the recorded file"):
        load(file, digest="")
    with pytest.raises(OSError, match="nothing-there"):
        FailurePredictor.load(tmp_path / "nothing-there", digest, names=NAMES, version="1")


def test_a_pickle_is_never_opened(tmp_path: Path, file: Path) -> None:
    """A pickle that would write a file when opened, as a body and as a whole."""
    proof = tmp_path / "proof"
    evil = f"cpathlib\nPath\n(V{proof}\ntR.".encode() + b"0cbuiltins\nopen\n(V" + str(proof).encode() + b"\nVw\ntR."
    for content in (evil, file.read_bytes().partition(b"\n")[0] + b"\n" + evil):
        (tmp_path / "evil").write_bytes(content)
        with pytest.raises(PredictorError):
            load(tmp_path / "evil")
    assert not proof.exists()


def test_an_untrained_one_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(PredictorError, match="untrained"):
        FailurePredictor(NAMES, version="1").save(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


# Bad input, a missing extra


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([1.0, 2.0], r"shape \(1, 2\)"),
        ([[1.0, 2.0, 3.0]] * 2, "2 rows were given"),
        ([1.0, np.nan, np.inf], "volatility_16, volume_ratio: a value that is no finite number"),
    ],
)
def test_values_of_another_shape_are_refused(wrong: list[float], said: str, predictor: FailurePredictor) -> None:
    with pytest.raises(PredictorError, match=said):
        predictor.judge(wrong)


def test_training_and_evaluation_check_their_rows(predictor: FailurePredictor) -> None:
    fresh = FailurePredictor(NAMES, version="1")
    with pytest.raises(PredictorError, match=r"shape \(5,\)"):
        fresh.train(np.zeros(5))
    with pytest.raises(PredictorError, match="at most 100000"):
        fresh.train(np.zeros((100_001, 3)))
    with pytest.raises(PredictorError, match=r"failed: shape \(2,\) was given, \(3,\)"):
        predictor.evaluate(rows(3, 1), [True, False])
    with pytest.raises(PredictorError, match="different names"):
        FailurePredictor(["a", "a"], version="1")


@pytest.mark.parametrize(
    "wrong", [{"trades_min": 9}, {"trees": 0}, {"seed": -1}, {"high": 0.05}, {"elevated": 1}], ids=str
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(PredictorError, match=f"{next(iter(wrong))}.* was given"):
        PredictorSettings(**wrong)  # type: ignore[arg-type]


def test_without_the_extra_the_error_names_it() -> None:
    """In a process where scikit-learn and skops cannot be imported the guards can, and answer unknown."""
    code = """
import sys
for name in ("sklearn", "skops", "scipy"):
    sys.modules[name] = None
from gxrisk.protection import FailurePredictor, PredictorError
predictor = FailurePredictor(["a"], version="1")
assert predictor.judge([1.0]).level is None
try:
    predictor.train([[float(n)] for n in range(100)])
except PredictorError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == 'this needs the extra "ml" (sklearn is missing): pip install "gxrisk[ml]"\n'


def test_importing_the_guards_does_not_load_scikit_learn() -> None:
    code = (
        "import sys, gxrisk.protection; print([name for name in ('sklearn', 'skops', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_nothing_warns(tmp_path: Path, predictor: FailurePredictor) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        load_path = tmp_path / "one"
        predictor.save(load_path)
        load(load_path).judge(rows(1, 1)[0])
    assert [str(one.message) for one in seen] == []
