"""The names of the splits."""

from __future__ import annotations

TRAIN, VALIDATION, EVAL = "train", "validation", "eval"
SPLITS = (TRAIN, VALIDATION, EVAL)
# Rows that are in no split.
LEFT_OUT = "left out"
