"""The three models of series on a few small ones: better than the last value, and as exported."""

import importlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.kinds import FUTURE, PAST
from solutionkit.modalities.series.naive import naive
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.series.boosting import drawn
from solutionkit.models.series.finish import said_of
from solutionkit.models.series.inputs import Layout, scale_of, scaled_targets
from solutionkit.models.series.lags import feature_names, features
from solutionkit.models.trained import TrainedModel
from solutionkit.splits import EVAL, TRAIN, VALIDATION

pytestmark = pytest.mark.slow

ROOMS = {"simple": "classical", "baseline": "boosting", "deep": "networks"}


@pytest.fixture(scope="session")
def trained(series: Any) -> dict[str, TrainedModel]:
    made = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("solutionkit.models.series.networks.QUICK_STEPS", 120)
        for name, room in ROOMS.items():
            module = importlib.import_module(f"solutionkit.models.series.{room}")
            splits = series.splits
            made[name] = module.train(
                splits[TRAIN], splits[VALIDATION], series.spec, Training(preset="quick")
            )
    return made


def outputs(model: TrainedModel, windows: TransformedSplit) -> np.ndarray:
    return said_of(model.score, windows).reshape(len(windows), -1)


@pytest.mark.parametrize("name", ROOMS)
def test_better_than_the_last_value(series: Any, trained: dict[str, TrainedModel], name: str) -> None:
    windows, task = series.splits[EVAL], series.spec.task
    found = outputs(trained[name], windows)
    last = naive(windows.of(PAST), task.horizon, task.quantiles)
    for metric in ("wape", "quantile_loss"):
        measured = task.metrics()[metric]
        assert measured.value(windows.label, found) < measured.value(windows.label, last)


def test_who_knows_the_offer_forecasts_better(series: Any, trained: dict[str, TrainedModel]) -> None:
    windows, wape = series.splits[EVAL], series.spec.task.metrics()["wape"]
    values = {name: wape.value(windows.label, outputs(model, windows)) for name, model in trained.items()}
    assert max(values["baseline"], values["deep"]) < values["simple"]


@pytest.mark.parametrize("name", ROOMS)
def test_quantiles_never_cross(series: Any, trained: dict[str, TrainedModel], name: str) -> None:
    said = said_of(trained[name].score, series.splits[EVAL])
    assert (np.diff(said, axis=2) >= 0.0).all()
    assert (said >= 0.0).all()


@pytest.mark.parametrize("name", ROOMS)
def test_a_window_alone_gets_what_it_gets_among_others(
    series: Any, trained: dict[str, TrainedModel], name: str
) -> None:
    windows = series.splits[EVAL]
    together = said_of(trained[name].score, windows)
    alone = said_of(trained[name].score, windows.take(slice(3, 4)))
    assert alone[0] == pytest.approx(together[3], rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("name", ROOMS)
def test_a_series_in_another_unit_is_forecast_in_that_unit(
    series: Any, trained: dict[str, TrainedModel], name: str
) -> None:
    """The level itself is among what trees and networks read; the classical model is exact."""
    windows = series.splits[EVAL]
    past = windows.of(PAST).copy()
    past[:, :, 1] *= 1.1
    larger = TransformedSplit({PAST: past, FUTURE: windows.of(FUTURE)}, windows.label)
    ratio = said_of(trained[name].score, larger).sum() / said_of(trained[name].score, windows).sum()
    assert ratio == pytest.approx(1.1, rel=1e-5 if name == "simple" else 0.05)


@pytest.mark.parametrize("name", ROOMS)
def test_a_series_without_a_past_gets_a_forecast(
    series: Any, trained: dict[str, TrainedModel], name: str
) -> None:
    windows = series.splits[EVAL]
    empty = TransformedSplit(
        {PAST: np.zeros_like(windows.of(PAST)[:2]), FUTURE: windows.of(FUTURE)[:2]}, windows.label[:2]
    )
    assert np.isfinite(said_of(trained[name].score, empty)).all()


def test_features_have_names_and_see_no_target(series: Any) -> None:
    layout = Layout.of(series.spec)
    windows = series.splits[EVAL]
    batch = next(windows.batches(8))
    found = features(batch, layout)
    assert found.shape[1:] == (layout.horizon, len(feature_names(layout)))
    rows = drawn(windows, layout, 10**6, 1)
    assert len(rows.target) == (~np.isnan(windows.label[:, :-2])).sum()


def test_scaled_targets_come_back(series: Any) -> None:
    layout, windows = Layout.of(series.spec), series.splits[EVAL]
    target, _ = scaled_targets(windows, layout)
    scale = scale_of(tf.constant(windows.of(PAST)), layout)
    assert scale.back(tf.constant(target)).numpy() == pytest.approx(windows.label[:, :-2], rel=1e-4)


def test_the_same_seed_gives_the_same_model(series: Any, trained: dict[str, TrainedModel]) -> None:
    module = importlib.import_module("solutionkit.models.series.boosting")
    again = module.train(
        series.splits[TRAIN], series.splits[VALIDATION], series.spec, Training(preset="quick")
    )
    assert (again.validation_scores == trained["baseline"].validation_scores).all()
