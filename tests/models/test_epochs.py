from solutionkit.models.epochs import cut_short, epoch_facts


def test_the_best_epoch_is_the_one_with_the_least_loss() -> None:
    assert epoch_facts([3.0, 1.0, 2.0], 60) == {"epochs": 3, "best_epoch": 2, "allowed_epochs": 60}


def test_a_training_whose_rate_has_fallen_was_not_cut_short() -> None:
    assert cut_short(epoch_facts([3.0, 2.0, 1.0], None)) is None


def test_a_training_that_was_best_at_its_end_was_cut_short() -> None:
    note = cut_short(epoch_facts([3.0, 2.0, 1.0], 3))
    assert note is not None
    assert "3 of 3 allowed" in note
    assert "training.epochs" in note


def test_other_trainings_were_not() -> None:
    assert cut_short(epoch_facts([3.0, 1.0, 2.0], 3)) is None
    assert cut_short(epoch_facts([3.0, 2.0, 1.0], 60)) is None
    assert cut_short({"algorithm": "Distance of texture features"}) is None
    assert cut_short({"epochs": 3, "best_epoch": 3}) is None
