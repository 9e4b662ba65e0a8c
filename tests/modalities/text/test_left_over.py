"""What patterns miss of personal numbers is counted by numbering plans and checksums."""

import pyarrow as pa

from solutionkit.kinds import TEXT, Feature
from solutionkit.kinds.text_cleaning import STEPS, cleaned_cells
from solutionkit.modalities.text.left_over import left_over, left_over_notes

ALL = ("phone", "card", "iban")


def test_numbers_are_known_by_their_plan_or_checksum() -> None:
    texts = [
        "reach me at 650 253 0000 today",
        "or +44 20 8366 1177",
        "paid with 4111-1111-1111-1111",
    ]
    assert left_over(texts, ALL) == {"phone": 2, "card": 1}
    accounts = ["to gb82 west 1234 5698 7654 32 until friday", "FR1420041010050500013M02606 thanks a lot"]
    assert left_over(accounts, ("iban",)) == {"iban": 2}
    assert left_over(["FR1420041010050500013M02607 thanks"], ("iban",)) == {}


def test_what_masks_miss_is_found_in_cleaned_texts() -> None:
    cells = pa.chunked_array(
        [["4111/1111/1111/1111", "GB82/WEST/1234/5698/7654/32 thanks", "call 0170 1234567"]]
    )
    cleaned = cleaned_cells(cells, Feature("body", TEXT, STEPS)).to_pylist()
    assert left_over(cleaned, ALL) == {"card": 1, "iban": 1}


def test_other_numbers_are_nobodys() -> None:
    texts = ["4111 1111 1111 1112 has no checksum", "on 2024-05-01 12:30:00", "order 48442, 3 items", ""]
    assert left_over(texts, ALL) == {}


def test_a_note_counts_texts() -> None:
    table = pa.table({"subject": [None, "x"], "body": ["4111111111111111", "y"]})
    (note,) = left_over_notes(table, ["subject", "body"], ALL, 1)
    assert note.startswith("of 2 texts looked at some still hold")
    assert note.endswith("card 1")
    assert left_over_notes(table, ["subject"], ALL, 1) == []
