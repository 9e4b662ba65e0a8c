"""The names of the splits."""

from __future__ import annotations

TRAIN, VALIDATION, EVAL = "train", "validation", "eval"
SPLITS = (TRAIN, VALIDATION, EVAL)
# With fewer units (groups, days, rows of a class) on the evaluation side no test keeps its level and still
# tells anything, so that there is no verdict.
FEWEST_UNITS = 6
# Rows that are in no split.
LEFT_OUT = "left out"
