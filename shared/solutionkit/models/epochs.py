"""How many epochs a network was trained, and whether they were enough."""

from __future__ import annotations

from typing import Any

import numpy as np


def epoch_facts(losses: list[float], allowed: int | None) -> dict[str, int]:
    """What to tell of a training: its epochs, the one whose weights were kept, and how many were allowed.

    Args:
        losses: Validation loss of each epoch.
        allowed: `training.epochs`; None where more would be another training, e.g. one whose rate falls.
    """
    told = {"epochs": len(losses), "best_epoch": int(np.argmin(losses)) + 1}
    return told if allowed is None else {**told, "allowed_epochs": allowed}


def cut_short(facts: dict[str, Any]) -> str | None:
    """One sentence with the remedy, if the training ended while it still made progress; else nothing.

    Args:
        facts: What `epoch_facts` gave, among others; not all models have it.
    """
    allowed = facts.get("allowed_epochs")
    if allowed is None or facts["best_epoch"] < allowed:
        return None
    return (
        f"the deep model's best epoch was its last, {facts['best_epoch']} of {allowed} allowed; more may make"
        " it better: raise training.epochs in use_case.toml"
    )
