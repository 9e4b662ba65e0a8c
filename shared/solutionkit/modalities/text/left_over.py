"""Personal numbers that masks missed, by numbering plans and checksums: a second opinion on patterns.

Phones by `phonenumbers`, cards and accounts by `stdnum`. They are looked for where data is checked and not
where it is cleaned, because what is served is cleaned by the graph alone.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

# Texts that are looked at, and how much of each.
MOST_TEXTS, MOST_CHARACTERS = 2000, 5000
# Countries whose numbers are told without a code in front.
REGIONS = ("US", "GB", "DE", "FR", "ES", "IN")
# Fewer digits are nobody's number.
DIGITS = re.compile(r"\d(?:[ .()/-]{0,3}\d){6,}")
# More signs between digits than the mask has.
LONG = re.compile(r"(?<!\d)\d(?:[ ./_|:-]{0,3}\d){12,18}(?!\d)")
ACCOUNT = re.compile(r"(?i)(?<![a-z0-9])[a-z]{2}\d{2}(?:[ ./_-]{0,2}[a-z0-9]){11,30}")
SHORTEST_ACCOUNT = 15


def left_over(texts: list[str], masks: tuple[str, ...]) -> dict[str, int]:
    """In how many texts each sort of number still stands that was to be masked.

    Args:
        texts: Cleaned ones.
        masks: Steps of `text_cleaning` that were declared.
    """
    found = dict.fromkeys((name for name in LOOKED_FOR if name in masks), 0)
    for text in texts:
        if DIGITS.search(some := text[:MOST_CHARACTERS]):
            for name in found:
                found[name] += LOOKED_FOR[name](some)
    return {name: count for name, count in found.items() if count}


def has_phone(text: str) -> bool:
    """Whether a number of some country's plan stands in the text, written as it is written there."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    return any(
        PhoneNumberMatcher(text, region, leniency=Leniency.STRICT_GROUPING).has_next() for region in REGIONS
    )


def has_card(text: str) -> bool:
    """Whether a number of 13 to 19 digits has a card's checksum (ISO/IEC 7812-1)."""
    from stdnum import luhn

    return any(luhn.is_valid(re.sub(r"\D", "", item)) for item in LONG.findall(text))


def has_account(text: str) -> bool:
    """Whether an IBAN with its checksum stands in the text (ISO 13616-1)."""
    from stdnum import iban

    # What follows may be words: an account ends where its country says.
    whole = [re.sub(r"[^A-Za-z0-9]", "", item) for item in ACCOUNT.findall(text)]
    return any(iban.is_valid(item[:end]) for item in whole for end in range(SHORTEST_ACCOUNT, len(item) + 1))


LOOKED_FOR = {"phone": has_phone, "card": has_card, "iban": has_account}


def left_over_notes(table: pa.Table, columns: list[str], masks: tuple[str, ...], seed: int) -> list[str]:
    """A note on numbers that masks missed.

    Args:
        table: Typed rows.
        columns: The text columns.
        masks: What was to be masked.
        seed: Of the texts that are drawn where there are too many.
    """
    from solutionkit.modalities.text.alike import joined

    drawn = np.sort(np.random.default_rng(seed).permutation(table.num_rows)[:MOST_TEXTS])
    found = left_over(joined(table.take(pa.array(drawn)), columns).to_pylist(), masks)
    if not found:
        return []
    counts = ", ".join(f"{name} {count:,}" for name, count in found.items())
    return [
        f"of {len(drawn):,} texts looked at some still hold what passes for a number that was to be masked,"
        f" by numbering plans and checksums: {counts}"
    ]
