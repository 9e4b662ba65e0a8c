"""A mark in the corner that drives the answer is found, and named with whose scans it is on."""

import numpy as np

from solutionkit.explain.scans import as_jpeg, covered, disturbed, in_words, robustness, shortcut

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


def by_corner(scans: np.ndarray) -> np.ndarray:
    odds: np.ndarray = by_middle(scans) + (scans[:, 1:6, 1:6, 0].mean(axis=(1, 2)) - 80.0) / 50.0
    return odds


def test_a_model_that_goes_by_the_corner_is_found_out() -> None:
    scans, _, made_by = films(np.random.default_rng(1))
    found = shortcut(by_corner, scans, made_by, 1)
    hit = found["found"][0]
    assert (hit["place"], hit["column"], hit["value"]) == ("top left", "scanner", "portable")
    assert hit["change"] > 2.0
    assert abs(hit["elsewhere"]) < 0.2
    told = in_words({"deep": found})
    assert told.startswith("The deep model goes by the top left corner")
    assert "scanner = portable" in told


def test_a_model_that_looks_at_the_body_is_not_accused() -> None:
    scans, _, made_by = films(np.random.default_rng(2))
    found = shortcut(by_middle, scans, made_by, 1)
    assert found["found"] == []
    assert found["within"] > max(item["change"] for item in found["corners"])
    assert in_words({"deep": found}).startswith("No corner drives the answer")


def test_a_corner_that_moves_all_alike_is_no_shortcut() -> None:
    scans, _, made_by = films(np.random.default_rng(3))
    scans[:, 30:, 30:] += 60.0

    def said(images: np.ndarray) -> np.ndarray:
        odds: np.ndarray = by_middle(images) + images[:, 30:, 30:, 0].std(axis=(1, 2))
        return odds

    assert shortcut(said, scans, made_by, 1)["found"] == []


def test_what_is_covered_looks_like_what_is_about_it() -> None:
    scans, _, _ = films(np.random.default_rng(4), 6)
    result = covered(scans, 0, 0, 8)
    assert np.abs(result[:, :8, :8] - 80.0).max() < 10.0
    assert (result[:, 8:] == scans[:, 8:]).all()
    assert result[:, :8, :8].std(axis=(1, 2)).max() < 1e-4


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
