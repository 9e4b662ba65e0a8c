"""What is taken out of texts before anybody reads them: markup, quotations, signatures, personal data.

As TensorFlow ops, so that what is stored, what is learned from and what is served are cleaned alike; regular
expressions are RE2's. Personal data is masked by patterns that rather mask too much: a number of twelve
digits that is no card's is masked too, and no checksum is needed to be careful. What patterns miss, `check`
looks for by numbering plans and checksums (`modalities.text.left_over`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.kinds.base import Feature

# Characters of a text that are read, and bytes that are looked at; what follows is cut off.
LONGEST, MOST_BYTES = 20_000, 1_000_000
CELLS_AT_ONCE = 4096
# Stands before a text that was cleaned, which is not to be cleaned again: what one step leaves may look to
# another like something to take out. Masks may make a text longer, but not twice as long.
DONE, GROWN = "\x02", 2
# Control characters but the end of line, and marks of direction, by which a report could be read backwards.
UNSEEN = r"[\x00-\x09\x0b-\x1f\x7f-\x{9f}\x{ad}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{feff}]"
Rules = tuple[tuple[str, str], ...]
# Pattern and what stands for it, one after the other. Placeholders are words that no language has.
BREAKS = ((r"\r\n?|\x{85}|\x{2028}|\x{2029}", "\n"), (UNSEEN, " "))
SPACES = ((r"[\p{Zs}\t]+", " "), (r" ?\n ?", "\n"))
# Tags of letters; others are more likely code that somebody asks about.
INLINE = r"b|i|u|em|strong|small|sub|sup|font|span|a|code"
BLOCK = (
    r"html|head|body|meta|title|link|p|br|hr|div|center|img|table|tbody|thead|tr|td|th|ul|ol|li|dl|dt|dd|h[1-6]"
    r"|blockquote|pre|o:p|!doctype"
)
HTML = (
    (r"(?is)<(script|style)\b.*?</(script|style)\s*>", " "),
    (r"(?s)<!--.*?-->", " "),
    (rf"(?i)</?({INLINE})(\s[^<>]*)?/?>", ""),
    (rf"(?i)</?({BLOCK})\b[^<>]*>", "\n"),
    (r"&nbsp;|&#160;|&#x[aA]0;", " "),
    (r"&#64;|&#x40;|&commat;", "@"),
    (r"&lt;|&#60;", "<"),
    (r"&gt;|&#62;", ">"),
    (r"&quot;|&#34;", '"'),
    (r"&#39;|&apos;", "'"),
    (r"&amp;|&#38;", "&"),
)
WROTE = r"(?i:wrote|writes|schrieb|a écrit|escribió)"
QUOTES = (
    (rf"(?m)^[^\n]{{0,200}}\b({WROTE})\s*:\s*$", " "),
    (r"(?m)^ ?[A-Za-z]{0,3}>[^\n]*$", " "),
    (r"(?is)\n-{3,} ?(original message|forwarded message|ursprüngliche nachricht)\b.*$", " "),
)
# No more lines than a signature has.
SIGNATURE = ((r"\n-- ?\n([^\n]*\n){0,8}[^\n]*\n?$", " "),)
EMAIL = ((r"[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)*\.\p{L}{2,}", " _email_ "),)
# In small letters only with digits enough, or words that follow a code would be masked.
IBAN = (
    (r"\b[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2,7}( ?[A-Z0-9]{1,3})?\b", " _iban_ "),
    (r"(?i)\b[a-z]{2}[0-9]{2}( ?[a-z]{4})?( ?[0-9]{4}){3,6}( ?[0-9]{1,4})?\b", " _iban_ "),
)
# Digits of other scripts: Arabic, Persian, Devanagari, and wide ones.
OTHER_DIGITS = r"[\x{660}-\x{669}\x{6f0}-\x{6f9}\x{966}-\x{96f}\x{ff10}-\x{ff19}]"
CARD = ((r"\b[0-9]([ .-]{0,2}[0-9]){11,18}\b", " _card_ "),)
PHONE = (
    (rf"\+?{OTHER_DIGITS}([ ()./-]*{OTHER_DIGITS}){{6,}}", " _phone_ "),
    (r"(\+|\b00|\(0|\b0)[0-9]([]() ./-]{0,3}[0-9]){6,13}\b", " _phone_ "),
    (
        r"(\b1[ .-])?(\([0-9]{3}\)[ -]?|\b[0-9]{3}[ ./-])[0-9]{3}[ .-]?[0-9]{4}(\b|x[0-9]{1,6}\b)",
        " _phone_ ",
    ),
    (r"\b[0-9]{1,3}(-[0-9]{1,4}){4,6}\b", " _phone_ "),
    (r"\b[0-9]{10,11}\b", " _phone_ "),
)
DEAR = r"(?i:dear|liebe|lieber|sehr geehrter?|cher|chère|estimad[oa]|querid[oa])"
HELLO = r"(?i:hi|hello|hey|hallo|guten tag|guten morgen|bonjour|hola|salut)"
CLOSING = r"(?i:regards|sincerely|best wishes|grüße|grüßen|gruß|cordialement|saludos|atentamente|yours)"
THANKS = r"(?i:cheers|thanks|thank you|best|danke|merci|gracias)"
TITLE = r"(?:(?i:mr|mrs|ms|dr|herr|herrn|frau|prof|señora?|monsieur|madame)\.? )"
NAMED = r"(?:\p{Lu}\.|(?:(?:van|von|de|der|den|la|del|di) )*\p{Lu}[\p{L}\p{M}'’-]*)"
NAMES = rf"{TITLE}{{0,3}}{NAMED}(?: {NAMED}){{0,3}}"
# In front of which there is always a name.
ADDRESS = r"(?:Mr|Mrs|Ms|Dr|Prof|Herr|Herrn|Frau|Madame|Monsieur|Señora?)"
NAME = (
    (rf"\b{ADDRESS}\.? {NAMES}", "_name_"),
    (rf"\b({CLOSING})[,!. ]*\n+[\p{{L}}.'’-]+( [\p{{L}}.'’-]+){{0,2}}(\n|$)", "\\1\n_name_\\3"),
    (rf"\b({DEAR})([ ,]+){NAMES}", r"\1 _name_"),
    (rf"\b({HELLO})([ ,]+){NAMES}([,.!:;\n]|$)", r"\1 _name_\3"),
    (rf"\b({CLOSING})[,!. ]*\n*{NAMES}\.?(\n|$)", "\\1\n_name_\\2"),
    (rf"\b({THANKS})[,!. ]*\n+{NAMES}\.?(\n|$)", "\\1\n_name_\\2"),
    (rf"\b((?i:my name is|i am called|ich heiße|mein name ist|je m'appelle|me llamo)) {NAMES}", r"\1 _name_"),
    (rf"{NAMES}( <[^<>\n]*>| _email_ ?|< _email_ >)?( {WROTE}\b)", r"_name_\1\2"),
)
PERSONAL = {"email": EMAIL, "iban": IBAN, "card": CARD, "phone": PHONE, "name": NAME}
CLEANING = {"quotes": QUOTES, "signature": SIGNATURE}
STEPS = ("html", *CLEANING, *PERSONAL)


def cleaned(texts: tf.Tensor, feature: Feature) -> tf.Tensor:
    """`(batch,)` texts in valid UTF-8, without control characters and what the feature's steps take out.

    A text that begins with `DONE` was cleaned before, and is left as it is.
    """
    some = tf.strings.substr(texts, 0, MOST_BYTES)
    some = tf.strings.unicode_transcode(some, "UTF-8", "UTF-8", errors="replace", replacement_char=0x20)
    before = tf.strings.substr(some, 0, GROWN * LONGEST, unit="UTF8_CHAR")
    done = tf.strings.regex_full_match(before, rf"(?s){DONE}.*")
    some = _replaced(tf.strings.substr(some, 0, LONGEST, unit="UTF8_CHAR"), (*BREAKS, *SPACES))
    if "html" in feature.domain:
        some = _replaced(some, (*HTML, *BREAKS, *SPACES))
    for name, rules in (PERSONAL | CLEANING).items():
        if name in feature.domain:
            some = _replaced(some, rules)
    some = tf.strings.strip(_replaced(some, SPACES))
    return tf.where(done, tf.strings.strip(_replaced(before, BREAKS)), some)


def cleaned_cells(values: pa.ChunkedArray, feature: Feature) -> pa.ChunkedArray:
    """Cells as `cleaned` leaves them, marked as done; missing ones stay missing."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def step(texts: tf.Tensor) -> tf.Tensor:
        found = cleaned(texts, feature)
        return tf.where(found == "", found, tf.strings.join([DONE, found]))

    chunks = []
    for start in range(0, len(values), CELLS_AT_ONCE):
        some = values.slice(start, CELLS_AT_ONCE)
        known = np.asarray(some.is_valid())
        texts = step(tf.constant(some.fill_null("").to_pylist(), tf.string)).numpy().tolist()
        chunks.append(pa.array(texts, pa.binary(), mask=~known).cast(pa.string()))
    return pa.chunked_array(chunks, pa.string())


def _replaced(texts: tf.Tensor, rules: Rules) -> tf.Tensor:
    for pattern, instead in rules:
        texts = tf.strings.regex_replace(texts, pattern, instead)
    return texts
