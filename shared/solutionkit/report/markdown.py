"""Values from data and declaration as text in Markdown, where they must not become markup."""

from __future__ import annotations

import re
from typing import Any

# Emphasis by _ begins and ends only at a word's edge; inside a name it stays readable.
MARKUP = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)")
# Begins a list, a heading or a code block if it is a line's first character.
LEADING = re.compile(r"^(?:([#+-]+)(?=\s|$)|(\d+)(?=[.)](?:\s|$)))")
ENTITY = re.compile(r"&(?=#?\w+;)")


def markdown(value: Any) -> Any:
    """A text in one line, with all escaped that Markdown or HTML takes for markup; others as they are."""
    if not isinstance(value, str):
        return value
    line = re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", value)
    line = ENTITY.sub("&amp;", line).replace("<", "&lt;").replace(">", "&gt;")
    line = MARKUP.sub(lambda match: "\\" + match[0], line)
    return LEADING.sub(lambda match: f"{match[2]}\\" if match[2] else f"\\{match[1]}", line)
