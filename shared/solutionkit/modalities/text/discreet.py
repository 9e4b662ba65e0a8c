"""Words of texts for notes that are stored: those that are mostly written like names are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Texts that are looked at; of a word's places as many with a capital letter make it one.
MOST_TEXTS, MOSTLY = 5000, 0.5
HIDDEN = "…"


def without_names(phrase: str, texts: Sequence[str]) -> str:
    """A phrase in small letters, with `…` in the place of words that texts mostly write with a capital.

    Words that are all capitals are no names, nor are such as stand in no text.

    Args:
        phrase: The words.
        texts: As they were written.
    """

    def shown(found: re.Match[str]) -> str:
        word = found[0]
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
        places = [place for text in texts[:MOST_TEXTS] for place in pattern.findall(text)]
        capital = sum(place[0].isupper() and not (place.isupper() and len(place) > 1) for place in places)
        return HIDDEN if capital > MOSTLY * len(places) else word

    return re.sub(r"[^\W\d_]+", shown, phrase)
