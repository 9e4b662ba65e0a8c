"""What scans bear, and what a network's last layer knows of who made them."""

import numpy as np

from solutionkit.explain.scans import as_jpeg, disturbed, readable, robustness

SIDE = 40


def films(
    random: np.random.Generator, rows: int = 160
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Scans with a bright middle where there is a finding, and a bright corner where they were made in bed."""
    labels = random.integers(0, 2, rows)
    in_bed = random.random(rows) < np.where(labels == 1, 0.7, 0.3)
    scans = random.normal(80.0, 4.0, (rows, SIDE, SIDE, 1)).astype(np.float32)
    scans[labels == 1, 16:24, 16:24] += 40.0
    scans[in_bed, 1:6, 1:6] = 220.0
    made_by = {"scanner": np.where(in_bed, "portable", "fixed"), "site": random.choice(["n", "s"], rows)}
    return scans, labels, made_by


def by_middle(scans: np.ndarray) -> np.ndarray:
    odds: np.ndarray = (scans[:, 16:24, 16:24, 0].mean(axis=(1, 2)) - 100.0) / 8.0
    return odds


def test_worse_scans_are_of_the_same_size_and_told_worse() -> None:
    scans, labels, _ = films(np.random.default_rng(5), 80)
    worse = disturbed(scans, 255.0, np.random.default_rng(1))
    assert {item.shape for item in worse.values()} == {scans.shape}
    assert np.abs(as_jpeg(scans[0], 255.0) - scans[0]).mean() < 12.0
    deep = as_jpeg(scans[0] * 257.0, 65_535.0)
    assert np.abs(deep / 257.0 - scans[0]).mean() < 12.0
    told = {item["change"]: item["roc_auc"] for item in robustness(by_middle, scans, labels, 255.0, 1)}
    assert told["as they are"] > 0.95
    assert set(told) == set(worse)
    assert robustness(by_middle, scans, np.zeros(80, int), 255.0, 1) == []


def test_a_column_is_read_within_classes_alone() -> None:
    """Where the scanner goes with the disease, knowing the disease is not knowing the scanner."""
    random = np.random.default_rng(7)
    _, labels, made_by = films(random, 240)
    ill_alone = random.normal(size=(240, 40)) + 4.0 * labels[:, None]
    found = {
        item["column"]: item["roc_auc"] for item in readable(ill_alone, made_by, labels, np.arange(240), 1)
    }
    assert set(found) == {"scanner", "site"}
    assert max(found.values()) < 0.62
    marked = ill_alone.copy()
    marked[made_by["scanner"] == "portable", 3] += 6.0
    found = {item["column"]: item["roc_auc"] for item in readable(marked, made_by, labels, np.arange(240), 1)}
    assert found["scanner"] > 0.9
    assert found["site"] < 0.62
    rare = np.where(np.arange(240) < 5, "x", "y")
    assert readable(marked, {"rare": rare}, labels, np.arange(240), 1) == []


def test_who_was_learned_from_is_not_read() -> None:
    """Features that know the patient alone know no site of patients that are new."""
    random = np.random.default_rng(9)
    patients = np.arange(240) // 4
    labels, site = random.integers(0, 2, 60)[patients], random.choice(["n", "s"], 60)[patients]
    knows = random.normal(size=(60, 40))[patients] + random.normal(0.0, 0.05, (240, 40))
    (found,) = readable(knows, {"site": site}, labels, patients, 1)
    assert found["roc_auc"] < 0.75
    (apart,) = readable(knows, {"site": site}, labels, np.arange(240), 1)
    assert apart["roc_auc"] > 0.9
