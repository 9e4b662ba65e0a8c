"""A mark in the corner that drives the answer is found, and named with whose scans it is on."""

from collections.abc import Callable

import numpy as np
import pytest

from solutionkit.compare.evaluation import Circumstances, EvaluationSet
from solutionkit.declaration import Declaration
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature
from solutionkit.modalities.image import shortcut
from solutionkit.modalities.image.covering import pixels_of
from solutionkit.modalities.image.shortcut import Compared, in_table, in_words, scrutinise
from solutionkit.tasks.classification.task import Classification
from support import film_example

SIDE = 40
SPEC = TableSpec(Classification("ill", ("no", "yes")), (Feature("film", "image", shape=(SIDE, SIDE, 1)),))


def declared(**clinical: str) -> Declaration:
    return Declaration.model_validate(
        {"data": {"path": "any"}, "columns": {"label": "ill", "image": "film"}, "clinical": clinical}
    )


def films(
    random: np.random.Generator, rows: int = 160, stamped: bool = False
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Scans with a bright middle where there is a finding, and a bright corner where they were made in bed.

    Stamped ones all have another bright corner.
    """
    labels = random.integers(0, 2, rows)
    in_bed = random.random(rows) < np.where(labels == 1, 0.7, 0.3)
    scans = random.normal(80.0, 4.0, (rows, SIDE, SIDE))
    scans[labels == 1, 16:24, 16:24] += 40.0
    scans[in_bed, 1:6, 1:6] = 220.0
    if stamped:
        scans[:, 34:39, 34:39] = 220.0
    made_by = {
        "scanner": np.where(in_bed, "portable", "fixed"),
        "site": random.choice(["n", "s"], rows),
        "weight": np.arange(rows).astype(float),
    }
    return np.array([film_example(scan) for scan in scans.round().astype(np.uint8)], object), labels, made_by


def judged(
    labels: np.ndarray, made_by: dict[str, np.ndarray], units: np.ndarray | None = None
) -> EvaluationSet:
    around = Circumstances(units)
    return EvaluationSet(SPEC.task, labels, labels, 0, slices=made_by, circumstances=around)


Rule = Callable[[np.ndarray], np.ndarray]


def model(rule: Rule) -> Callable[[np.ndarray], np.ndarray]:
    def score(examples: np.ndarray) -> np.ndarray:
        scans = np.stack([pixels_of(item, "film", SIDE).astype(float) for item in examples])
        return 1.0 / (1.0 + np.exp(-rule(scans)))[:, None]

    return score


def by_middle(scans: np.ndarray) -> np.ndarray:
    odds: np.ndarray = (scans[:, 16:24, 16:24].mean(axis=(1, 2)) - 100.0) / 8.0
    return odds


def by_corner(scans: np.ndarray) -> np.ndarray:
    odds: np.ndarray = by_middle(scans) + (scans[:, 1:6, 1:6].mean(axis=(1, 2)) - 80.0) / 50.0
    return odds


def test_a_model_that_goes_by_the_corner_is_found_out() -> None:
    examples, labels, made_by = films(np.random.default_rng(1))
    models = {"baseline": model(by_middle), "deep": model(by_corner)}
    found = scrutinise(examples, judged(labels, made_by), SPEC, models, declared())
    told = {name: dict(item.told) for name, item in found.items()}
    hit = told["deep"]["shortcut"]["found"][0]
    assert (hit["place"], hit["column"], hit["value"]) == ("top left", "scanner", "portable")
    assert hit["change"] > 2.0
    assert abs(hit["elsewhere"]) < 0.2
    assert found["deep"].objection == "it goes by the top left corner of scans with scanner = portable"
    assert found["baseline"].objection == ""
    assert found["deep"].gate is None
    assert in_words(told).startswith("The deep model goes by the top left corner")
    assert in_words({"baseline": told["baseline"]}).startswith("No corner drives the answer")
    table = in_table(told)
    assert table[0] == ("", "top left", "top right", "bottom left", "bottom right", "within the body")
    assert [row[0] for row in table[1:]] == ["baseline", "deep"]


def test_an_accused_model_does_not_ship_where_that_is_declared() -> None:
    examples, labels, made_by = films(np.random.default_rng(2))
    models = {"baseline": model(by_middle), "deep": model(by_corner)}
    found = scrutinise(examples, judged(labels, made_by), SPEC, models, declared(shortcuts="refuse"))
    gates = {name: item.gate for name, item in found.items()}
    assert gates["baseline"] is not None
    assert gates["baseline"].held
    assert gates["deep"] is not None
    assert not gates["deep"].held
    assert "top left corner" in gates["deep"].why


def test_a_corner_that_moves_all_alike_is_no_shortcut() -> None:
    examples, labels, made_by = films(np.random.default_rng(3), stamped=True)

    def rule(scans: np.ndarray) -> np.ndarray:
        odds: np.ndarray = by_middle(scans) + scans[:, 34:39, 34:39].mean(axis=(1, 2)) / 50.0
        return odds

    found = scrutinise(examples, judged(labels, made_by), SPEC, {"deep": model(rule)}, declared())["deep"]
    assert found.told["shortcut"]["found"] == []
    assert found.told["shortcut"]["corners"][3]["change"] > 1.0


def test_a_model_that_is_surer_of_one_group_everywhere_is_not_accused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is covered, the portable scans' odds move twice as far: no corner is to blame."""
    monkeypatch.setattr(shortcut, "AT_ONCE", 1000)
    examples, labels, made_by = films(np.random.default_rng(5))
    count = iter(range(1000))
    surer = np.where(made_by["scanner"] == "portable", 2.0, 1.0)

    def score(examples: np.ndarray) -> np.ndarray:
        moved = np.random.default_rng(next(count)).normal(1.0, 0.3, len(examples)) if next(count) > 0 else 0.0
        return 1.0 / (1.0 + np.exp(surer * moved))[:, None]

    found = scrutinise(examples, judged(labels, made_by), SPEC, {"deep": score}, declared())["deep"].told[
        "shortcut"
    ]
    assert found["within"] > 0.5
    assert found["found"] == []


def test_classes_of_equal_rank_are_each_looked_at() -> None:
    examples, labels, made_by = films(np.random.default_rng(4))
    spec = TableSpec(
        Classification("kind", ("a", "b", "c"), has_negative_class=False),
        (Feature("film", "image", shape=(SIDE, SIDE, 1)),),
    )

    def score(examples: np.ndarray) -> np.ndarray:
        scans = np.stack([pixels_of(item, "film", SIDE).astype(float) for item in examples])
        raw = np.stack([by_corner(scans), -by_middle(scans), np.zeros(len(scans)) - 9.0], axis=1)
        likely: np.ndarray = np.exp(raw - raw.max(axis=1, keepdims=True))
        return likely / likely.sum(axis=1, keepdims=True)

    hit = scrutinise(examples, judged(labels, made_by), spec, {"deep": score}, declared())["deep"].told[
        "shortcut"
    ]["found"][0]
    assert (hit["place"], hit["value"], hit["of"]) == ("top left", "portable", "a")


def test_a_scan_of_a_patient_is_one_of_several_and_patients_count() -> None:
    """Where patients differ in whatever is covered, sites do too, by chance: that is no shortcut."""
    accused = tested = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        patients = np.arange(240) // 6
        labels, site = (random.integers(0, 2, 40)[patients] for _ in range(2))
        odds = random.normal(0.0, 0.6, (40, 10))[patients] + random.normal(0.0, 0.1, (240, 10))
        compared = Compared.of(site == 1, labels, patients)
        if compared is None:
            continue
        tested += 1
        gaps = [compared.gap(odds[:, place]) for place in range(4)]
        accused += any(gap.p_value < 0.01 / 4 for gap in gaps)
    assert tested > 40
    assert accused <= 3


def test_one_step_for_all_scans_of_a_group_is_no_chance() -> None:
    labels, units = np.arange(80) % 2, np.arange(80)
    own = np.arange(80) % 4 < 2
    compared = Compared.of(own, labels, units)
    assert compared is not None
    gap = compared.gap(np.where(own, 4.0, 0.0))
    assert (gap.value, gap.p_value) == (4.0, 0.0)
    assert compared.gap(np.zeros(80)).p_value == 1.0


def test_few_patients_of_a_group_are_not_compared() -> None:
    labels = np.arange(200) % 2
    # Fifty scans of one patient are one.
    assert Compared.of(np.arange(200) < 50, labels, np.maximum(np.arange(200), 49)) is None
    assert Compared.of(np.arange(200) < 12, labels, np.arange(200)) is None
    assert Compared.of(np.arange(200) < 40, labels, np.arange(200)) is not None


def test_what_could_not_be_tested_is_told_and_holds_no_gate() -> None:
    examples, labels, made_by = films(np.random.default_rng(6))
    models = {"deep": model(by_corner)}
    for columns in ({}, {"weight": made_by["weight"]}):
        found = scrutinise(examples, judged(labels, columns), SPEC, models, declared(shortcuts="refuse"))
        told = {name: dict(item.told) for name, item in found.items()}
        assert told["deep"]["shortcut"]["tested"] == 0
        assert in_words(told).startswith("Whether a corner drives the answer was not tested")
        assert found["deep"].gate is not None
        assert not found["deep"].gate.held
        assert "was not tested" in found["deep"].gate.why


def test_of_many_hospitals_the_most_frequent_are_compared() -> None:
    examples, labels, made_by = films(np.random.default_rng(8), 200)
    random = np.random.default_rng(1)
    rare = random.choice([f"h{number}" for number in range(12)], 200)
    hospital = np.where(made_by["scanner"] == "portable", "large", rare)
    found = scrutinise(
        examples, judged(labels, {"hospital": hospital}), SPEC, {"deep": model(by_corner)}, declared()
    )
    assert found["deep"].objection.endswith("hospital = large")
