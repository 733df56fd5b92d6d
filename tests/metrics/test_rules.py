"""The alert rules: each fires when it must and not before, as promtool says."""

import re
import subprocess
from pathlib import Path

import pytest
from gxrisk.metrics import METRICS, SERVER_METRICS

from tests.metrics.prometheus import OPS

RULES = OPS / "prometheus" / "rules.yml"
TESTS = OPS / "prometheus" / "rules_test.yml"
ALERTS = re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8"))


def promtool_says(promtool: str, *arguments: str, folder: Path) -> tuple[bool, str]:
    """Whether promtool is content, and what it said."""
    done = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def test_rules_and_configuration_are_sound(promtool: str) -> None:
    is_sound, said = promtool_says(promtool, "check", "config", "prometheus.yml", folder=RULES.parent)
    assert is_sound, said
    assert f"{len(ALERTS)} rules found" in said


def test_rules_do_what_their_cases_say(promtool: str) -> None:
    is_sound, said = promtool_says(promtool, "test", "rules", "rules_test.yml", folder=RULES.parent)
    assert is_sound, said


@pytest.mark.parametrize("expression", ["vector(1) == 0", "vector(1)"], ids=["never", "always"])
def test_each_rule_is_held_by_a_case(promtool: str, tmp_path: Path, expression: str) -> None:
    """A rule that never fires, or always does, is found for every alert."""
    rules = RULES.read_text(encoding="utf-8")
    cases = TESTS.read_text(encoding="utf-8")
    header = cases[: cases.index("tests:")] + "tests:\n"
    for alert in ALERTS:
        changed, count = re.subn(
            rf"(- alert: {alert}\n        expr: )(?:\|\n(?:          .*\n)+|.*\n)", rf"\g<1>{expression}\n", rules
        )
        assert count == 1
        (tmp_path / "rules.yml").write_text(changed, encoding="utf-8")
        own = re.findall(rf"  - name: {alert} .*\n(?:    .*\n)+", cases)
        assert len(own) == 2, f"{alert} needs a case in which it fires and one in which it does not"
        (tmp_path / "rules_test.yml").write_text(header + "".join(own), encoding="utf-8")
        is_sound, said = promtool_says(promtool, "test", "rules", "rules_test.yml", folder=tmp_path)
        assert not is_sound, f"{alert} as {expression!r} passes:\n{said}"
        assert "FAILED" in said


@pytest.mark.parametrize("file", ["prometheus/rules.yml", "prometheus/rules_test.yml", "grafana/dashboard.json"])
def test_they_name_metrics_that_there_are(file: str) -> None:
    """A name that was changed in the code is changed here too."""
    metrics = (*METRICS, *SERVER_METRICS)
    known = {metric.name for metric in metrics}
    known |= {f"{metric.name}_bucket" for metric in metrics if metric.kind == "histogram"}
    named = set(re.findall(r"\bgxrisk_\w+", (OPS / file).read_text(encoding="utf-8")))
    assert named
    assert named - known == set()
