"""Texts are cleaned and personal data masked, once as well as twice, whatever bytes come."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from solutionkit.kinds import TEXT, Feature
from solutionkit.kinds.text_cleaning import DONE, GROWN, LONGEST, STEPS, cleaned, cleaned_cells

ALL = Feature("text", TEXT, STEPS)
NOTHING = Feature("text", TEXT)


def clean(text: str | bytes, feature: Feature = ALL) -> str:
    found: str = cleaned(tf.constant([text]), feature).numpy()[0].decode()
    return found


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<p>Hello<br>you &amp; me</p>", "Hello\nyou & me"),
        ("<style>p {}</style><div class='x'>text</div><script>evil()</script>", "text"),
        ("a <Component/> fails if x < y", "a <Component/> fails if x < y"),
        ("New\n> old\n>> older\nend", "New\n\n\nend"),
        ("Re: Password reset", "Re: Password reset"),
        ("API: returns 500", "API: returns 500"),
        ("I tried it, he wrote", "I tried it, he wrote"),
        ("Answer\r\nOn Monday Ann Lee wrote:\r\n> old", "Answer"),
        ("Text\n-- \nACME Ltd, 1 Road", "Text"),
        ("write to jörg.müller+x@mail.example.co.uk now", "write to _email_ now"),
        ("<b>john</b>@example.com john&#64;example.com", "_email_ _email_"),
        ("card 4111 1111-1111.1111 and 4111111111111111", "card _card_ and _card_"),
        ("card 4111\x001111  1111\xa01111", "card _card_"),
        ("call +49 (170) 123-4567 or 0170 / 1234567", "call _phone_ or _phone_"),
        ("call (555) 123-4567, 1-800-555-1234", "call _phone_ , _phone_"),
        ("call 908/469-0049 or 617-942-2000x2948, 33-1-45-81-37-94", "call _phone_ or _phone_ , _phone_"),
        ("Fax [+49/0] (7071) 29-5464 |", "Fax [ _phone_ |"),
        ("call \u0660\u0661\u0662\u0663 \u0664\u0665\u0666\u0667", "call _phone_"),
        ("DE89 3704 0044\xa00532 0130 00", "_iban_"),
        ("de89370400440532013000, gb29 nwbk 6016 1331 9268 19", "_iban_ , _iban_"),
        ("id42 this that will stay", "id42 this that will stay"),
        ("Dear Ms. Anna-Lena O'Neill Smith, hi", "Dear _name_, hi"),
        ("Dear <b>Ann Lee</b> I wait", "Dear _name_ wait"),
        ("Sehr geehrter Herr Dr. Öztürk,", "Sehr geehrter _name_,"),
        ("Dear Mr van der Berg", "Dear _name_"),
        ("Hello Mr. Quick please ask Dr Who", "Hello _name_ please ask _name_"),
        ("Bye\nregards,\nzeb ulona\n", "Bye\nregards\n_name_"),
        ("tel 5558675311 or (555) 8675313", "tel _phone_ or _phone_"),
        ("Hello, John!", "Hello _name_!"),
        ("Hi Invoice 12 is wrong", "Hi Invoice 12 is wrong"),
        ("Hello\nInvoice charged", "Hello\nInvoice charged"),
        ("Bye.\r\nKind regards,\r\nJosé Pérez\r\n", "Bye.\nKind regards\n_name_"),
        ("Regards, John Smith", "Regards\n_name_"),
        ("Thanks, invoice paid", "Thanks, invoice paid"),
        ("my name is Zoë Zimmer. Order 48442", "my name is _name_. Order 48442"),
        ("Ann Lee <a@b.example> wrote that", "_name_ < _email_ > wrote that"),
        ("2024-05-01 at 12:30, 3 items, 1234567 km", "2024-05-01 at 12:30, 3 items, 1234567 km"),
    ],
)
def test_what_is_taken_out(text: str, kept: str) -> None:
    assert clean(text) == kept


HOSTILE = [
    b"",
    b"\xff\xfe\xfa broken \xc3",
    b"nul \x00 bell \x07 escape \x1b[31m",
    "right to left \u202egnp.exe \u2066x\u2069".encode(),
    "e\u0301\u0327\u0327 " * 50 + "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "<" * 5000 + ">" * 5000,
    "a" * (2 * LONGEST),
    ("Dear " * 2000).encode(),
    "@" * 3000 + ".com",
    "漢字かな ภาษาไทย עברית العربية",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_becomes_plain_text(text: str | bytes) -> None:
    found = clean(text)
    assert len(found) <= GROWN * LONGEST
    assert not set(found) & set("\x00\x07\x1b\u202e\u2066\u200d")


@pytest.mark.parametrize("feature", [ALL, NOTHING])
def test_what_is_stored_cleaned_is_read_as_what_is_served_raw(feature: Feature) -> None:
    texts = [
        "Dear Ann Lee Smith Jones Brown, mail <b>a</b>@b.example and c@d.example",
        "Hello Zed,\n4111 1111 1111 1111\nThanks,\nBob Stone\n-- \nBob",
        "On 3 May Zed Ok <z@ok.example> wrote:\n> hi\nbye",
        "&amp;lt;b&amp;gt; &amp;#64; Hello\nx@y.example",
        "a@b.co " * 4000,
        *(text if isinstance(text, str) else text.decode("utf-8", "replace") for text in HOSTILE),
    ]
    stored = cleaned_cells(pa.chunked_array([texts]), feature).to_pylist()
    served = cleaned(tf.constant(texts), feature).numpy().tolist()
    assert cleaned(tf.constant(stored), feature).numpy().tolist() == served
    assert cleaned_cells(pa.chunked_array([stored]), feature).to_pylist() == stored


def test_who_marks_a_text_as_cleaned_gets_no_control_characters_through() -> None:
    assert clean(f"{DONE}a\x00b \u202e".encode() + b"\xff") == "a b"


def test_cells_are_cleaned_and_missing_ones_stay_missing() -> None:
    cells = pa.chunked_array([["a@b.example", None], ["x", " "]])
    assert cleaned_cells(cells, ALL).to_pylist() == [f"{DONE}_email_", None, f"{DONE}x", ""]
    assert cleaned_cells(pa.chunked_array([[]], pa.string()), ALL).to_pylist() == []
    random = np.random.default_rng(1)
    many = pa.chunked_array([[f"x{number}@y.example" for number in random.integers(0, 9, 9000)]])
    assert set(cleaned_cells(many, ALL).to_pylist()) == {f"{DONE}_email_"}
