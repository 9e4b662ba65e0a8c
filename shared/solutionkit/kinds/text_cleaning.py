"""What is taken out of texts before anybody reads them: markup, quotations, signatures, personal data.

As TensorFlow ops, so that what is stored, what is learned from and what is served are cleaned alike; regular
expressions are RE2's. Personal data is masked by patterns that rather mask too much: a number of twelve
digits that is no card's is masked too, and no checksum is needed to be careful.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.kinds.base import Feature

# Characters of a text that are read, and bytes that are looked at; what follows is cut off.
LONGEST, MOST_BYTES = 20_000, 1_000_000
CELLS_AT_ONCE = 4096
# Control characters but the end of line, and marks of direction, by which a report could be read backwards.
UNSEEN = r"[\x00-\x09\x0b-\x1f\x7f-\x{9f}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{feff}]"
Rules = tuple[tuple[str, str], ...]
# Pattern and what stands for it, one after the other. Placeholders are words that no language has.
# Tags of letters; others are more likely code that somebody asks about.
TAGS = (
    r"html|head|body|meta|title|link|p|br|hr|div|span|a|b|i|u|em|strong|small|sub|sup|font|center|img|table|tbody"
    r"|thead|tr|td|th|ul|ol|li|dl|dt|dd|h[1-6]|blockquote|pre|code|o:p|!doctype"
)
HTML = (
    (r"(?is)<(script|style)\b.*?</(script|style)\s*>", " "),
    (r"(?s)<!--.*?-->", " "),
    (r"(?i)<(br|/p|/div|/li|/tr|/h[1-6])\b[^<>]*>", "\n"),
    (rf"(?i)</?({TAGS})\b[^<>]*>", " "),
    (r"&nbsp;|&#160;", " "),
    (r"&lt;", "<"),
    (r"&gt;", ">"),
    (r"&quot;|&#34;", '"'),
    (r"&#39;|&apos;", "'"),
    (r"&amp;", "&"),
)
QUOTES = (
    (r"(?m)^[^\n]{0,200}\b(wrote|writes|writes in article|schrieb|a écrit|escribió)\s*:?\s*$", " "),
    (r"(?m)^[ \t]*[A-Za-z]{0,3}[>|:][^\n]*$", " "),
    (r"(?is)\n-{3,} ?(original message|forwarded message|ursprüngliche nachricht)\b.*$", " "),
)
SIGNATURE = ((r"(?s)\n--[ \t]*\n.*$", " "),)
EMAIL = ((r"[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)*\.\p{L}{2,24}", " _email_ "),)
IBAN = ((r"\b[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2,7}( ?[A-Z0-9]{1,3})?\b", " _iban_ "),)
CARD = ((r"\b[0-9]([ .-]?[0-9]){11,18}\b", " _card_ "),)
PHONE = ((r"(\+|\b00|\(0|\b0)[0-9]([ ()./-]{0,2}[0-9]){6,13}\b", " _phone_ "),)
GREETING = (
    r"(?i:dear|hi|hello|hey|hallo|liebe|lieber|guten tag|sehr geehrter?|bonjour|cher|chère|hola|estimad[oa])"
)
CLOSING = (
    r"(?i:regards|sincerely|cheers|thanks|thank you|best wishes|grüße|grüßen|gruß|cordialement|saludos"
    r"|atentamente)"
)
WROTE = r"(?i:wrote|writes|schrieb|a écrit|escribió)"
NAMED = r"(?:\p{Lu}\.|\p{Lu}[\p{L}\p{M}'’-]*)"
TITLE = r"(?:(?i:mr|mrs|ms|dr|herr|frau|prof|señora?|monsieur|madame)\.?[ \t]+)?"
NAME = (
    (rf"\b({GREETING})([ \t]+){TITLE}{NAMED}([ \t]+{NAMED}){{0,2}}", r"\1 _name_"),
    (rf"\b({CLOSING})[,!. \t]*\n+[ \t]*{TITLE}{NAMED}([ \t]+{NAMED}){{0,2}}[ \t]*(\n|$)", "\\1\n_name_\n"),
    (
        r"\b((?i:my name is|this is|i am called|ich heiße|mein name ist|je m'appelle|me llamo))([ \t]+)"
        rf"{NAMED}([ \t]+{NAMED}){{0,2}}",
        r"\1 _name_",
    ),
    (rf"{NAMED}([ \t]+{NAMED}){{0,2}}([ \t]+<[^<>\n]*>)?([ \t]+{WROTE}\b)", r"_name_\2\3"),
)
PERSONAL = {"email": EMAIL, "iban": IBAN, "card": CARD, "phone": PHONE, "name": NAME}
CLEANING = {"html": HTML, "quotes": QUOTES, "signature": SIGNATURE}
STEPS = (*CLEANING, *PERSONAL)


def cleaned(texts: tf.Tensor, feature: Feature) -> tf.Tensor:
    """`(batch,)` texts in valid UTF-8, without control characters and what the feature's steps take out."""
    some = tf.strings.regex_replace(masked(texts, feature), r"\r\n?|\x{2028}|\x{2029}", "\n")
    for name, rules in CLEANING.items():
        if name in feature.domain:
            some = _replaced(some, rules)
    # What stood apart by markup may be together now.
    some = _masked(some, feature)
    some = tf.strings.regex_replace(some, UNSEEN, " ")
    return tf.strings.strip(tf.strings.regex_replace(some, r"[ \t]+", " "))


def masked(texts: tf.Tensor, feature: Feature) -> tf.Tensor:
    """`(batch,)` texts in valid UTF-8, no longer than is read, without personal data of the feature's steps.

    What was masked once is not masked again: rows are stored so, and read alike afterwards.
    """
    some = tf.strings.substr(texts, 0, MOST_BYTES)
    some = tf.strings.unicode_transcode(some, "UTF-8", "UTF-8", errors="replace", replacement_char=0x20)
    return _masked(tf.strings.substr(some, 0, LONGEST, unit="UTF8_CHAR"), feature)


def masked_cells(values: pa.ChunkedArray, feature: Feature) -> pa.ChunkedArray:
    """Cells as `masked` leaves them; missing ones stay missing."""
    if not len(values):
        return values
    step = tf.function(
        lambda texts: masked(texts, feature),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    known = np.asarray(values.is_valid())
    parts = []
    for start in range(0, len(values), CELLS_AT_ONCE):
        cells = values.slice(start, CELLS_AT_ONCE).fill_null("").to_pylist()
        parts += step(tf.constant(cells, tf.string)).numpy().tolist()
    texts = pa.array(parts, pa.binary(), mask=~known).cast(pa.string())
    return pa.chunked_array([texts])


def _masked(texts: tf.Tensor, feature: Feature) -> tf.Tensor:
    for name, rules in PERSONAL.items():
        if name in feature.domain:
            texts = _replaced(texts, rules)
    return texts


def _replaced(texts: tf.Tensor, rules: Rules) -> tf.Tensor:
    for pattern, instead in rules:
        texts = tf.strings.regex_replace(texts, pattern, instead)
    return texts
