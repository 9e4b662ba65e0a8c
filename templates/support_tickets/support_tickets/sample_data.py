"""Tickets of a made-up web shop, composed by grammars: what each queue is about is known by its key words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

QUEUES = ("account", "billing", "cancellation", "delivery", "other", "returns", "sales", "technical")
# How often each is asked for.
SHARES = (0.14, 0.17, 0.09, 0.18, 0.08, 0.13, 0.08, 0.13)
LANGUAGES, LANGUAGE_SHARES = ("en", "de", "fr"), (0.65, 0.22, 0.13)
TIERS, TIER_SHARES = ("free", "plus", "business"), (0.6, 0.28, 0.12)
# Key words by queue and language: each ticket but those of `other` has at least one; they occur nowhere else.
KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "account": {
        "en": ("password", "login", "username", "verification"),
        "de": ("Passwort", "Anmeldung", "Benutzername"),
        "fr": ("identifiant", "connexion", "authentification"),
    },
    "billing": {
        "en": ("invoice", "charged", "payment", "VAT"),
        "de": ("Rechnung", "abgebucht", "Mehrwertsteuer"),
        "fr": ("facture", "prélèvement", "TVA"),
    },
    "cancellation": {
        "en": ("cancel", "terminate", "unsubscribe"),
        "de": ("kündigen", "Vertragsende", "abbestellen"),
        "fr": ("résilier", "désabonner", "résiliation"),
    },
    "delivery": {
        "en": ("parcel", "courier", "tracking", "shipped"),
        "de": ("Paket", "Zusteller", "Lieferung"),
        "fr": ("colis", "livraison", "transporteur"),
    },
    "returns": {
        "en": ("return", "exchange", "refund"),
        "de": ("zurückschicken", "Umtausch", "Rückerstattung"),
        "fr": ("renvoyer", "échange", "remboursement"),
    },
    "sales": {
        "en": ("quotation", "discount", "reseller"),
        "de": ("Angebot", "Rabatt", "Wiederverkäufer"),
        "fr": ("devis", "remise", "revendeur"),
    },
    "technical": {
        "en": ("crashes", "error", "firmware", "freezes"),
        "de": ("abgestürzt", "Fehlermeldung", "Firmware"),
        "fr": ("plante", "logiciel", "bug"),
    },
}
# Sentences with a place for a key word, and for a thing.
ASKING = {
    "en": (
        "I have a question about the {key} for the {thing}.",
        "There is a problem with {key} since {when}.",
        "Could you please look into the {key} of my {thing}?",
        "{key} again, and nobody answers me.",
        "The {thing} that I ordered: {key} is what this is about.",
        "It says {key}, but I do not understand why.",
    ),
    "de": (
        "Ich habe eine Frage zu {key} bei {thing}.",
        "Seit {when} gibt es ein Problem: {key}.",
        "Bitte prüfen Sie {key} für {thing}.",
        "Schon wieder {key}, und niemand antwortet.",
    ),
    "fr": (
        "J'ai une question sur {key} pour {thing}.",
        "Depuis {when} il y a un problème : {key}.",
        "Pouvez-vous vérifier {key} de {thing} ?",
    ),
}
# What any ticket may say besides: it tells nothing.
FILLING = {
    "en": (
        "I have been a customer for {years} years.",
        "The {thing} itself is fine.",
        "I tried this {times} times already.",
        "My order number is {number}.",
        "Please answer by {when}.",
        "Your shop was recommended to me.",
    ),
    "de": (
        "Ich bin seit {years} Jahren Kunde.",
        "{thing} selbst ist in Ordnung.",
        "Meine Bestellnummer ist {number}.",
        "Bitte antworten Sie bis {when}.",
    ),
    "fr": (
        "Je suis client depuis {years} ans.",
        "Mon numéro de commande est {number}.",
        "Merci de répondre avant {when}.",
    ),
}
CHATTER = {
    "en": (
        "What a wonderful morning by the sea.",
        "My cat sat on the keyboard while I wrote this.",
        "Do you know a good recipe for soup?",
        "Are you a robot or a person?",
        "I only wanted to say hello to everybody.",
    ),
    "de": (
        "Was für ein schöner Morgen am Meer.",
        "Meine Katze saß auf der Tastatur.",
        "Kennen Sie ein gutes Rezept?",
    ),
    "fr": ("Quelle belle matinée à la mer.", "Mon chat dormait sur le clavier.", "Êtes-vous un robot ?"),
}
PRIORITIES, PRIORITY_SHARES = ("high", "low", "normal"), (0.2, 0.15, 0.65)
# What only tickets of a priority say, if not all of them.
HURRY: dict[str, dict[str, tuple[str, ...]]] = {
    "high": {
        "en": (
            "This is urgent, we cannot work.",
            "I need this solved today.",
            "I am losing money by the hour.",
        ),
        "de": ("Das ist dringend.", "Ich brauche sofort eine Lösung."),
        "fr": ("C'est urgent.", "Il me faut une solution aujourd'hui."),
    },
    "low": {
        "en": ("There is no hurry.", "Answer whenever you have time."),
        "de": ("Es eilt nicht.", "Antworten Sie, wenn Sie Zeit haben."),
        "fr": ("Rien ne presse.",),
    },
}
THINGS = {
    "en": ("lamp", "kettle", "keyboard", "backpack", "headset", "tent", "bicycle light"),
    "de": ("die Lampe", "den Kocher", "die Tastatur", "den Rucksack", "das Zelt"),
    "fr": ("la lampe", "le clavier", "le sac", "la tente", "le casque"),
}
WHEN = {
    "en": ("Monday", "Tuesday", "Friday", "last week", "the weekend"),
    "de": ("Montag", "Dienstag", "Freitag", "letzter Woche"),
    "fr": ("lundi", "mardi", "vendredi", "la semaine dernière"),
}
GREETINGS = {
    "en": ("Dear {name},", "Hello {name},", "Hi,"),
    "de": ("Sehr geehrte Frau {name},", "Hallo,"),
    "fr": ("Bonjour,", "Chère {name},"),
}
CLOSINGS = {"en": "Best regards,\n{name}", "de": "Viele Grüße,\n{name}", "fr": "Cordialement,\n{name}"}
FIRST_NAMES = ("Zelda", "Quentin", "Ottilie", "Barnaby", "Wilhelmina", "Florian", "Maëlle", "Xavier")
LAST_NAMES = ("Quackenbush", "Thistlewood", "Zimmerkamp", "Featherstone", "Dubuisson", "Oberhuber")
SUBJECTS = {
    "en": ("{key}", "Question about {key}", "Help", "Urgent", "My order {number}", "{thing}"),
    "de": ("{key}", "Frage zu {key}", "Hilfe", "Bestellung {number}"),
    "fr": ("{key}", "Question sur {key}", "Aide", "Commande {number}"),
}
# Letters that fingers swap; queues that a person chose wrongly; sentences of another queue beside.
TYPOS, WRONG, BESIDE = 0.02, 0.03, 0.08
# Tickets that do not say how much they hurry, and those whose priority nobody noted.
SILENT, UNNOTED = 0.1, 0.1
# Below some tickets stands what no one should trip over.
ODD_SHARE = 0.01
ODD = (
    "\u202egnp.exe \u2066x\u2069",
    "<script>document.title = 'evil'</script><img src=x onerror=alert(1)>",
    "e\u0301\u0327\u0327" * 60,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 漢字かな ภาษาไทย עברית العربية",
    "bell \x07 escape \x1b[31m null \x00 done",
    "log 0x0000: " * 4000,
    "=cmd|' /C calc'!A0",
)
PERSONAL_SHARE, QUOTED_SHARE, SIGNED_SHARE, MARKUP_SHARE = 0.3, 0.1, 0.35, 0.08
DRIVERS = tuple(
    sorted({word.lower() for languages in KEYS.values() for words in languages.values() for word in words})
)
FIRST = np.datetime64("2025-01-01T08:00")


def generate(rows: int, seed: int) -> pa.Table:
    """Tickets with their queue.

    Each is composed of a greeting, sentences around its queue's key words, sentences that say nothing, and
    perhaps a signature, an earlier mail that is quoted, markup, and personal data: names, addresses of mail,
    numbers of cards, phones and accounts. Some words are mistyped, some queues were chosen wrongly, and
    `other` is chatter that belongs nowhere. What hurries says so, mostly, and some have no priority. Below a
    few stands what could break something: scripts, marks of direction, control characters, a long log.

    Args:
        rows: How many.
        seed: Of all that is drawn.
    """
    random = np.random.default_rng(seed)
    queues = random.choice(len(QUEUES), rows, p=np.array(SHARES) / sum(SHARES))
    languages = random.choice(LANGUAGES, rows, p=LANGUAGE_SHARES)
    written = [
        ticket(QUEUES[queue], str(language), random)
        for queue, language in zip(queues, languages, strict=True)
    ]
    hurrying = np.random.default_rng([seed, 1])
    priorities = hurrying.choice(PRIORITIES, rows, p=PRIORITY_SHARES)
    written = [
        (subject, hurried(body, HURRY.get(str(priority), {}).get(str(language), ()), hurrying))
        for (subject, body), priority, language in zip(written, priorities, languages, strict=True)
    ]
    noted = hurrying.random(rows) >= UNNOTED
    odd = [
        ODD[place] if place < len(ODD) else ""
        for place in (hurrying.random(rows) * len(ODD) / ODD_SHARE).astype(int)
    ]
    written = [
        (subject, f"{body}\n{below}" if below else body)
        for (subject, body), below in zip(written, odd, strict=True)
    ]
    wrong = random.random(rows) < WRONG
    queues = np.where(wrong, random.integers(0, len(QUEUES), rows), queues)
    minutes = np.cumsum(random.exponential(20.0, rows)).astype("timedelta64[m]")
    return pa.table(
        {
            "ticket_id": [f"T{number:06d}" for number in range(1, rows + 1)],
            "received": np.datetime_as_string(FIRST + minutes, unit="m"),
            "language": languages.tolist(),
            "tier": random.choice(TIERS, rows, p=TIER_SHARES).tolist(),
            "subject": [subject for subject, _ in written],
            "body": [body for _, body in written],
            "queue": [QUEUES[queue] for queue in queues],
            "priority": [str(name) if known else None for name, known in zip(priorities, noted, strict=True)],
        }
    )


def ticket(queue: str, language: str, random: np.random.Generator) -> tuple[str, str]:
    """Subject and body.

    Args:
        queue: What it is about.
        language: Of all words.
        random: Draws them.
    """

    def one(choices: tuple[str, ...]) -> str:
        return choices[int(random.integers(len(choices)))]

    name = f"{one(FIRST_NAMES)} {one(LAST_NAMES)}"

    def filled(sentence: str, of: str) -> str:
        return sentence.format(
            key=one(KEYS[of][language]) if of in KEYS else one(THINGS[language]),
            thing=one(THINGS[language]),
            when=one(WHEN[language]),
            years=int(random.integers(2, 12)),
            times=int(random.integers(2, 6)),
            number=int(random.integers(10_000, 99_999)),
            name=name,
        )

    if queue in KEYS:
        sentences = [filled(one(ASKING[language]), queue) for _ in range(int(random.integers(1, 3)))]
    else:
        sentences = [one(CHATTER[language]) for _ in range(2)]
    sentences += [filled(one(FILLING[language]), queue) for _ in range(int(random.integers(0, 4)))]
    if queue in KEYS and random.random() < BESIDE:
        sentences.append(filled(one(ASKING[language]), one(tuple(KEYS))))
    sentences = [sentences[place] for place in random.permutation(len(sentences))]
    if random.random() < PERSONAL_SHARE:
        sentences.append(personal(name, random))
    body = " ".join(mistyped(sentence, random) for sentence in sentences)
    if random.random() < MARKUP_SHARE:
        body = f"<p>{body.replace('. ', '.<br> ')}</p>"
    parts = [filled(one(GREETINGS[language]), queue), body]
    if random.random() < SIGNED_SHARE:
        parts.append(filled(CLOSINGS[language], queue))
    if random.random() < QUOTED_SHARE:
        parts.append(f"On Monday {name} wrote:\n> {filled(one(ASKING[language]), one(tuple(KEYS)))}")
    subject = "" if random.random() < 0.05 else filled(one(SUBJECTS[language]), queue)
    return subject, "\n".join(parts)


def hurried(body: str, sentences: tuple[str, ...], random: np.random.Generator) -> str:
    """The body with one of some sentences below its greeting, or as it is.

    Args:
        body: A greeting and lines.
        sentences: To choose from.
        random: Draws one.
    """
    if not sentences or random.random() < SILENT:
        return body
    greeting, _, rest = body.partition("\n")
    return f"{greeting}\n{sentences[int(random.integers(len(sentences)))]} {rest}"


def personal(name: str, random: np.random.Generator) -> str:
    """A sentence that nobody should find again."""
    digits = "".join(map(str, random.integers(0, 10, 16)))
    account = "".join(map(str, random.integers(0, 10, 20)))
    choices = (
        f"Write to {name.lower().replace(' ', '.')}@mail-{digits[:3]}.example.com.",
        f"Card 4{digits[1:4]} {digits[4:8]} {digits[8:12]} {digits[12:]}.",
        f"Call +49 170 {digits[:7]}.",
        f"IBAN DE{account[:2]} {' '.join(account[at : at + 4] for at in range(2, 20, 4))}.",
    )
    return choices[int(random.integers(len(choices)))]


def mistyped(sentence: str, random: np.random.Generator) -> str:
    """The sentence with a few neighbouring letters swapped."""
    words = sentence.split(" ")
    for place, word in enumerate(words):
        if len(word) > 4 and word.isalpha() and random.random() < TYPOS:
            at = int(random.integers(1, len(word) - 2))
            words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)
