from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature
from solutionkit.models import gradient_boosting, tabular_network
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.heads import TEMPERATURES, BinaryHead
from solutionkit.models.tabular_network import batch_size
from solutionkit.models.tempering import ensemble_answers
from solutionkit.progress import listening
from solutionkit.ranks import roc_auc
from solutionkit.tasks.classification.task import Classification

# They train.
pytestmark = pytest.mark.slow

SPEC = TableSpec(
    Classification("y", ("0", "1")), (Feature("a", "numeric"), Feature("b", "categorical", ("u", "v")))
)


def rows(seed: int, count: int) -> TransformedSplit:
    random = np.random.default_rng(seed)
    numeric = random.normal(size=(count, 1)).astype(np.float32)
    categorical = random.integers(2, 4, (count, 1))
    logit = 2.0 * numeric[:, 0] + 1.5 * (categorical[:, 0] - 2.5)
    numeric[random.random(count) < 0.05] = np.nan
    return TransformedSplit(
        {"numeric": numeric, "categorical": categorical},
        (random.random(count) < expit(logit)).astype(np.int64),
    )


@pytest.mark.parametrize("train", [gradient_boosting.train, tabular_network.train])
def test_training_learns_and_is_seeded(train) -> None:
    training = Training(seed=3, epochs=6)
    first, second = (train(rows(0, 1500), rows(1, 300), SPEC, training) for _ in range(2))
    np.testing.assert_array_equal(first.validation_scores, second.validation_scores)
    labels = rows(1, 300).label[:, None]
    likelihood = np.log(np.where(labels == 1, first.validation_scores, 1 - first.validation_scores)).mean()
    assert likelihood > -0.55
    assert first.facts["algorithm"] in {"LightGBM", "TabM"}


def with_folds(split: TransformedSplit, count: int) -> TransformedSplit:
    return replace(split, fold=1 + np.arange(len(split)) % count)


@pytest.mark.parametrize("train", [gradient_boosting.train, tabular_network.train])
def test_a_bag_scores_each_row_by_a_fit_that_did_not_see_it(train) -> None:
    """Labels are pure chance: who saw a row knows its label by heart, who did not cannot."""
    random = np.random.default_rng(0)
    training, count = Training(seed=3, epochs=10, preset="standard"), 800
    split = with_folds(rows(0, count), 3)
    split = replace(split, label=random.integers(0, 2, count))
    validation = replace(rows(1, 200), label=random.integers(0, 2, 200))
    found = train(split, validation, SPEC, training)
    assert found.facts["fits"] == 4
    assert found.train_scores.shape == (count, 1)
    assert roc_auc(split.label > 0, found.train_scores[:, 0]) < 0.57
    assert roc_auc(validation.label > 0, found.validation_scores[:, 0]) < 0.6
    again = train(split, validation, SPEC, training)
    np.testing.assert_array_equal(found.train_scores, again.train_scores)


def test_a_bag_is_no_worse_than_one_fit() -> None:
    split, validation, unseen = with_folds(rows(0, 1500), 3), rows(1, 300), rows(2, 2000)
    losses = []
    for preset in ("standard", "quick"):
        trained = tabular_network.train(
            split, validation, SPEC, Training.model_validate({"seed": 3, "epochs": 6, "preset": preset})
        )
        assert ("fits" in trained.facts) == (trained.train_scores is not None) == (preset == "standard")
        said = np.concatenate([np.asarray(trained.score(batch)) for batch in unseen.batches(500)])[:, 0]
        losses.append(-np.log(np.where(unseen.label == 1, said, 1 - said)).mean())
    assert losses[0] < losses[1] + 0.002


@pytest.mark.parametrize("module", [gradient_boosting, tabular_network])
def test_the_best_preset_keeps_the_best_of_its_trials(module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_TRIALS", 2)
    monkeypatch.setattr(module, "MOST_TRIALS", 2)
    best = Training.model_validate({"seed": 3, "epochs": 2, "preset": "best"})
    trained = module.train(with_folds(rows(0, 600), 3), rows(1, 200), SPEC, best)
    trials = trained.facts["trials"]
    usual = len(gradient_boosting.BAGGED) if module is gradient_boosting else 1
    assert len(trials) == usual + 2
    assert all(sorted(trial["settings"]) == sorted(module.SPACE) for trial in trials)
    assert trained.facts["fits"] == 4
    if module is gradient_boosting:
        least = min(trials, key=lambda trial: trial["loss"])
        assert trained.facts["leaves"] == least["settings"]["leaves"]


@pytest.mark.parametrize(("clearly", "units"), [(9.0, 24), (0.0, 64)])
def test_a_wide_network_must_be_clearly_better(
    clearly: float, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = replace(tabular_network.WIDE, epochs=3, size=replace(tabular_network.WIDE.size, units=24))
    monkeypatch.setattr(tabular_network, "WIDE", wide)
    monkeypatch.setattr(tabular_network, "CLEARLY", clearly)
    monkeypatch.setattr(tabular_network, "MOST_EPOCHS", 3)
    told: list[float] = []
    with listening(told.append):
        trained = tabular_network.train(
            with_folds(rows(0, 600), 3), rows(1, 200), SPEC, Training(seed=3, preset="standard")
        )
    assert [trial["settings"]["units"] for trial in trained.facts["trials"]] == [64, 24]
    assert ("allowed_epochs" in trained.facts) == (units == 64)
    network = trained.trackables[0]
    assert trained.facts["fits"] == 4
    assert any(f"{units})" in str(weight.shape) for weight in network.weights)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_who_states_epochs_or_size_has_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular_network, "MOST_EPOCHS", 2)
    for stated in ({"epochs": 2}, {"size": "medium"}):
        training = Training.model_validate({"seed": 3, "preset": "standard", **stated})
        trained = tabular_network.train(with_folds(rows(0, 400), 3), rows(1, 100), SPEC, training)
        assert "trials" not in trained.facts


def test_a_network_that_is_too_sure_is_tempered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels that are half chance, learned by heart: what it says of other rows is far too sure."""
    random = np.random.default_rng(0)
    few, others = rows(0, 300), rows(1, 400)
    few, others = (
        replace(
            item, label=np.where(random.random(len(item)) < 0.4, random.integers(0, 2, len(item)), item.label)
        )
        for item in (few, others)
    )
    size = replace(tabular_network.WIDE.size, units=64)
    recipe = replace(tabular_network.WIDE, size=size, epochs=25, patience=25, weight_decay=0.0)
    bag = tabular_network.Bag.of(few, others, SPEC, Training(seed=3))

    def losses(temperatures: tuple[float, ...]) -> tuple[float, np.ndarray, float]:
        monkeypatch.setattr(BinaryHead, "temperatures", temperatures)
        fitted = bag.fit(recipe, bag.folds)
        said = fitted.keeper.held_out()[len(few) :, 0]
        network = ensemble_answers(fitted.head, fitted.network(others.inputs, training=False))
        np.testing.assert_allclose(np.asarray(network)[:, 0], said, atol=1e-5)
        loss = -np.log(np.where(others.label == 1, said, 1 - said)).mean()
        return float(loss), said, fitted.temperature

    as_it_is, _, one = losses((1.0,))
    tempered, _, temperature = losses(TEMPERATURES)
    assert (one, temperature > 1.0) == (1.0, True)
    assert tempered < as_it_is


def test_a_recipe_takes_a_trials_settings() -> None:
    recipe = tabular_network.Recipe(tabular_network.SIZES["small"])
    found = recipe.with_settings({"units": 96, "dropout": 0.3, "learning_rate": 0.001})
    assert (found.size.units, found.size.dropout, found.learning_rate) == (96, 0.3, 0.001)
    assert (found.size.blocks, found.weight_decay) == (recipe.size.blocks, recipe.weight_decay)


def test_batches_grow_with_the_table() -> None:
    assert [batch_size(rows) for rows in (100, 12_000, 100_000, 10_000_000)] == [256, 256, 2048, 4096]


def rare(seed: int, count: int) -> TransformedSplit:
    """One positive in a hundred; steps tell what the number does not."""
    random = np.random.default_rng(seed)
    numeric = random.normal(size=(count, 1)).astype(np.float32)
    steps = np.ones((count, 4, 2), np.float32)
    steps[:, :, 1] = random.normal(size=(count, 4))
    logit = -6.5 + 1.5 * numeric[:, 0] + 2.0 * steps[:, -1, 1]
    inputs = {"numeric": numeric, "categorical": np.zeros((count, 0), np.int64), "sequence": steps}
    return TransformedSplit(inputs, (random.random(count) < expit(logit)).astype(np.int64))


def test_a_bag_reads_sequences(tmp_path) -> None:
    spec = TableSpec(
        Classification("y", ("0", "1")), (Feature("a", "numeric"), Feature("s", "sequence", shape=(4, 2)))
    )
    split, validation = rare(0, 600), rare(1, 200)
    for arrays in (split, validation):
        del arrays.inputs["categorical"]
        arrays.label[:60] = 1
    training = Training(seed=3, epochs=2, preset="standard")
    found = tabular_network.train(with_folds(split, 2), validation, spec, training)
    assert found.facts["fits"] == 3
    assert np.isfinite(found.train_scores).all()
    # What was kept of each fit's best epoch is what the whole says: held-out scores are its fit's alone.
    found.save_for_explanation(tmp_path)
    assert (tmp_path / tabular_network.EMBEDDING_FILE).is_file()


def test_rare_positives_and_sequences_are_learned() -> None:
    spec = TableSpec(
        Classification("y", ("0", "1")), (Feature("a", "numeric"), Feature("s", "sequence", shape=(4, 2)))
    )
    train, validation = rare(0, 12_000), rare(1, 4000)
    assert 0.005 < train.label.mean() < 0.05
    for arrays in (train, validation):
        del arrays.inputs["categorical"]
    found = tabular_network.train(train, validation, spec, Training(seed=3, epochs=12))
    scores = found.validation_scores[:, 0]
    assert found.facts["positive_weight"] == pytest.approx(BinaryHead(train.label).positive_weight, abs=0.01)
    assert found.facts["positive_weight"] > 5
    # Probabilities stay calibrated in the large.
    assert scores.mean() == pytest.approx(validation.label.mean(), rel=0.35)
    # The number alone orders rows with about 0.8; with the latest step it is more.
    assert roc_auc(validation.label > 0, scores) > 0.9
    baseline = gradient_boosting.train(train, validation, spec, Training(seed=3))
    # Trees read the steps too: what both models know is the same.
    assert roc_auc(validation.label > 0, baseline.validation_scores[:, 0]) > 0.9
