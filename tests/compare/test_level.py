"""Tests keep their level with few units: the short form of benchmarks/statistics."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "statistics" / "run.py"


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("statistics_benchmark", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_equal_models_are_told_apart_as_rarely_as_it_says(simulation: ModuleType) -> None:
    """Quantiles of a bootstrap told them apart in 10 to 16 % of runs with 6 and 10 units."""
    rejected, covered = [], []
    for units in (6, 10):
        case = simulation.Case(units, 20, 0.5)
        for level in simulation.levels(case, ["log_loss", "rmse"], runs=100):
            rejected.append(level.rejected)
            covered.append(level.covered)
    assert sum(rejected) / len(rejected) <= 0.075
    assert sum(covered) / len(covered) >= 0.91


@pytest.mark.parametrize("units", [2, 5])
def test_too_few_units_give_no_verdict(simulation: ModuleType, units: int) -> None:
    case = simulation.Case(units, 20, 0.5)
    assert [level.tells for level in simulation.levels(case, ["roc_auc", "money"], runs=2)] == [0.0, 0.0]
