import pytest

from solutionkit.report.markdown import markdown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("tenure_months (33.7%), 0.82 (0.78 to 0.85)", "tenure_months (33.7%), 0.82 (0.78 to 0.85)"),
        ("-3,050", "-3,050"),
        ("33.7%", "33.7%"),
        ("R&D", "R&D"),
        ("<b>&lt;", "&lt;b&gt;&amp;lt;"),
        ("a|b`c`\r\n\n# d", "a\\|b\\`c\\` # d"),
        ("_a_ *b* [c](d) ~~e~~ $f$ \\", "\\_a\\_ \\*b\\* \\[c\\](d) \\~\\~e\\~\\~ \\$f\\$ \\\\"),
        ("# heading", "\\# heading"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        (7, 7),
    ],
)
def test_markup_becomes_text(value: object, expected: object) -> None:
    assert markdown(value) == expected
