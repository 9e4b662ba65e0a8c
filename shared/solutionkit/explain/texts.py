"""What each word of a text speaks for: Shapley values of its words, the same game for every model.

The players are the words of the cleaned text, of long texts stretches of words; a player that is away is cut
out. So a contribution is what a word adds to a text without it, on average over the orders in which words can
be put in (L. Shapley, 1953; E. Strumbelj, I. Kononenko, JMLR 11, 2010), and all contributions start from an
empty text. Orders are drawn, each walked backwards, too.

Whether the words that are said to matter do matter is measured: how much the answer falls when they are cut
out, and how much is left of it when nothing else is there, beside words drawn at random (J. DeYoung et al.,
"ERASER", ACL 2020).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.examples.encoding import unlabelled_examples
from solutionkit.explain import summary
from solutionkit.explain.attribution import Attribution
from solutionkit.kinds import TEXT
from solutionkit.kinds.text_cleaning import DONE
from solutionkit.output import write_csv

if TYPE_CHECKING:
    from solutionkit.explain.evaluated import EvaluatedModels
    from solutionkit.explain.loading import ModelExplainer
    from solutionkit.modalities.rows import ScoringRows

METHOD = "sampled Shapley values of words"
# `(texts, targets) -> (texts,)` margins.
Margins = Callable[[np.ndarray, np.ndarray], np.ndarray]
MOST_PLAYERS, ORDERS = 32, 6
GLOBAL_TEXTS, SHOWN = 80, 2
# Shares of a text's words that are cut out, or kept alone, to see whether they matter.
CUT = (0.1, 0.2, 0.5)
TEXTS_AT_ONCE = 512
TOP_WORDS, MOST_CLASSES, FEWEST_TIMES, LEAST_SHARE = 6, 12, 2, 0.1
SHOWN_WORDS = 8
# About a word, and none of it.
SIGNS = ".,;:!?\"'()"
FAITHFUL = ("comprehensiveness", "comprehensiveness_at_random", "sufficiency", "sufficiency_at_random")


@dataclass(frozen=True)
class Players:
    """The parts of one text.

    Attributes:
        parts: Consecutive words, joined by spaces.
    """

    parts: list[str]

    @classmethod
    def of(cls, text: str) -> Players:
        """Words, or stretches of them where there are more than `MOST_PLAYERS`."""
        words = text.split()
        count = min(len(words), MOST_PLAYERS)
        bounds = np.linspace(0, len(words), count + 1).round().astype(int) if count else [0]
        return cls([" ".join(words[start:stop]) for start, stop in pairwise(bounds)])

    def text(self, kept: np.ndarray) -> str:
        """The text of `(players,)` truth values."""
        return " ".join(part for part, there in zip(self.parts, kept, strict=True) if there)


class TextExplanation:
    """The explainer of a model of texts, see `loading`.

    Args:
        folder: Nothing is kept there.
        spec: What the columns are.
    """

    method = METHOD

    def __init__(self, folder: Path, spec: TableSpec) -> None:
        del folder
        self.spec = spec

    def explain(self, margins: Margins, texts: list[Players], targets: np.ndarray) -> list[Attribution]:
        """Contributions of each text's players.

        Args:
            margins: What is explained.
            texts: Their players.
            targets: `(texts,)` which output is explained.
        """
        return [shapley(margins, item, int(target)) for item, target in zip(texts, targets, strict=True)]


def shapley(margins: Margins, players: Players, target: int) -> Attribution:
    """`(1, players)` contributions to one text's margin.

    Args:
        margins: What is explained.
        players: The text's parts.
        target: Which output.
    """
    count = len(players.parts)
    if not count:
        said = margins(np.array([""], object), np.array([target]))
        return Attribution(np.zeros((1, 0)), said, said)
    random = np.random.default_rng(count)
    forwards = [random.permutation(count) for _ in range(ORDERS)]
    walks = np.array([order for walk in forwards for order in (walk, walk[::-1])]).reshape(2 * ORDERS, count)
    rank = np.argsort(walks, axis=1)
    there = rank[:, None, :] < np.arange(count + 1)[None, :, None]
    distinct, place = np.unique(there.reshape(-1, count), axis=0, return_inverse=True)
    texts = np.array([players.text(kept) for kept in distinct], object)
    said = margins(texts, np.full(len(texts), target))[place.reshape(-1)].reshape(len(walks), count + 1)
    changes = np.zeros((len(walks), count))
    np.put_along_axis(changes, walks, np.diff(said, axis=1), axis=1)
    halves = np.stack([changes[:ORDERS].mean(axis=0), changes[ORDERS:].mean(axis=0)])[:, None, :]
    return Attribution(changes.mean(axis=0)[None], said[:1, 0], said[:1, -1], halves)


def margins_of(model: ModelExplainer) -> Margins:
    """What a model says of cleaned texts, put into its first text column.

    Args:
        model: The exported model.
    """
    spec = model.spec
    names = [spec.input_names[feature.name] for feature in spec.of(TEXT)]

    def margins(texts: np.ndarray, targets: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            # They were cleaned, and are not to be cleaned again.
            some = np.array([DONE + text for text in texts[start : start + TEXTS_AT_ONCE]], object)
            empty = np.full(len(some), "", object)
            outputs = model.scorer.score_raw(dict.fromkeys(names, empty) | {names[0]: some})
            aims = tf.constant(targets[start : start + TEXTS_AT_ONCE])
            parts.append(np.asarray(spec.task.margin(tf.constant(outputs), aims), np.float64))
        return np.concatenate(parts)

    return margins


def cleaned_texts(model: ModelExplainer, examples: np.ndarray) -> list[Players]:
    """The players of serialized tf.Examples, after cleaning."""
    texts = model.transform(examples).of(TEXT)
    return [Players.of(text.decode("utf-8", "replace")) for text in texts]


def explain_texts(evaluated: EvaluatedModels) -> dict[str, Any]:
    """Explain the models.

    Args:
        evaluated: The models, and the rows.

    Returns:
        The content of `explanations.json`.
    """
    examples, labels, ids = evaluated.examples, evaluated.labels, evaluated.ids
    explainers, outputs, selected = evaluated.explainers, evaluated.outputs, evaluated.selected
    task = evaluated.spec.task
    kinds = task.notable(labels, outputs[selected], evaluated.decision, SHOWN)
    notable = [(kind, row) for kind, rows in kinds.items() for row in rows]
    random = np.random.default_rng(evaluated.seed)
    drawn = np.sort(random.permutation(len(labels))[:GLOBAL_TEXTS])
    rows = np.concatenate([drawn, np.array([row for _, row in notable], np.int64)])
    texts = cleaned_texts(explainers["baseline"], examples[rows])
    targets = task.targets(outputs[selected])[rows]
    found, models = {}, {}
    for name, model in explainers.items():
        margins = margins_of(model)
        found[name] = model.explainer.explain(margins, texts, targets)
        own = task.margin(tf.constant(outputs[name][rows]), tf.constant(targets))
        overall = joined(found[name][: len(drawn)], np.asarray(own, np.float64)[: len(drawn)])
        models[name] = {
            "method": METHOD,
            "base_value": float(overall.base.mean()),
            "residual": summary.residual(overall),
            "reliability": reliability(found[name][: len(drawn)]),
            "faithful": faithful(margins, texts[: len(drawn)], targets, found[name], random),
            "words": telling_words(texts[: len(drawn)], targets, found[name], task.target_name),
            "top": [
                {"id": ids[row], "words": top_words(texts[place], found[name][place].values[0])}
                for place, row in enumerate(drawn)
            ],
        }
    return {
        "kind": "text",
        "unit": task.margin_unit,
        "rows": len(drawn),
        "models": models,
        "agreement": {"word_correlation": agreement(found["baseline"], found["deep"])},
        "single_rows": [
            {
                "kind": kind,
                "id": ids[row],
                "label": task.told(labels[row]),
                "target": task.target_name(int(targets[place])),
                "score": {name: float(item[row][targets[place]]) for name, item in outputs.items()},
                "words": [
                    {"text": part, **{name: float(item[place].values[0, i]) for name, item in found.items()}}
                    for i, part in enumerate(texts[place].parts)
                ],
            }
            for place, (kind, row) in enumerate(notable, start=len(drawn))
        ],
    }


def joined(found: list[Attribution], said: np.ndarray) -> Attribution:
    """Several texts' attributions, each added up: their words are not each other's.

    Args:
        found: One a text.
        said: `(texts,)` margins of the model itself, of the texts as they were given; contributions must end
            there.
    """
    values = np.array([[item.values.sum()] for item in found])
    return Attribution(values, np.concatenate([item.base for item in found]), said)


def reliability(found: list[Attribution]) -> float | None:
    """The mean over texts of how much alike another draw's values would be; None where nothing is known."""
    known = [item.reliability for item in found if item.reliability is not None]
    return float(np.mean(known)) if known else None


def faithful(
    margins: Margins,
    texts: list[Players],
    targets: np.ndarray,
    found: list[Attribution],
    random: np.random.Generator,
) -> dict[str, float | None]:
    """How much the margin falls without the strongest words and without all others, beside words at random.

    Args:
        margins: What was explained.
        texts: Their players.
        targets: `(texts,)` which output was explained.
        found: The explanations.
        random: Draws words.

    Returns:
        Mean falls over `CUT`, in the margin's unit: `comprehensiveness` the larger the better, `sufficiency`
        the smaller; None where no text has two words.
    """
    falls: dict[str, list[float]] = defaultdict(list)
    for players, target, item in zip(texts, targets, found, strict=False):
        count = len(players.parts)
        if count < 2:
            continue
        order = np.argsort(-item.values[0], kind="stable")
        variants, names = [], []
        for share in CUT:
            most = max(int(np.ceil(share * count)), 1)
            for name, chosen in (("", order[:most]), ("_at_random", random.permutation(count)[:most])):
                mask = np.zeros(count, bool)
                mask[chosen] = True
                variants += [players.text(~mask), players.text(mask)]
                names += [f"comprehensiveness{name}", f"sufficiency{name}"]
        said = margins(np.array(variants, object), np.full(len(variants), target))
        for name, value in zip(names, said, strict=True):
            falls[name].append(float(item.output[0] - value))
    return {name: float(np.mean(falls[name])) if name in falls else None for name in FAITHFUL}


def top_words(players: Players, values: np.ndarray, most: int = 3) -> list[str]:
    """The parts that speak most for what is explained, the strongest first."""
    return [players.parts[place] for place in np.argsort(-values, kind="stable")[:most]]


def telling_words(
    texts: list[Players],
    targets: np.ndarray,
    found: list[Attribution],
    name_of: Callable[[int], str],
) -> dict[str, list[dict[str, Any]]]:
    """Of each class the words that spoke most for it, in texts that were taken for it.

    Args:
        texts: Their players.
        targets: `(texts,)` which class was explained.
        found: The explanations.
        name_of: Names a class.
    """
    counted: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for players, target, item in zip(texts, targets, found, strict=False):
        for part, value in zip(players.parts, item.values[0], strict=True):
            # A stretch of words is somebody's sentence.
            if " " not in part:
                counted[int(target)][part.strip(SIGNS).lower()].append(float(value))
    frequent = sorted(counted, key=lambda target: -sum(map(len, counted[target].values())))[:MOST_CLASSES]
    told = {}
    for target in frequent:
        means = [
            (float(np.mean(values)), len(values), word)
            for word, values in counted[target].items()
            if word and len(values) >= FEWEST_TIMES
        ]
        strongest = sorted(means, reverse=True)[:TOP_WORDS]
        least = LEAST_SHARE * max((mean for mean, _, _ in strongest), default=0.0)
        told[name_of(target)] = [
            {"word": word, "mean": mean, "texts": count}
            for mean, count, word in strongest
            if mean > max(least, 0.0)
        ]
    return told


def agreement(first: list[Attribution], second: list[Attribution]) -> float | None:
    """The mean correlation of two models' contributions within a text."""
    pairs = [
        float(np.corrcoef(ours.values[0], theirs.values[0])[0, 1])
        for ours, theirs in zip(first, second, strict=True)
        if ours.values.shape[1] > 1 and ours.values.std() > 0 and theirs.values.std() > 0
    ]
    return float(np.mean(pairs)) if pairs else None


def of_rows(model: ModelExplainer, rows: ScoringRows) -> tuple[list[Players], np.ndarray, list[Attribution]]:
    """The players of each text, what it is taken for, and what each player adds to that."""
    targets = model.spec.task.targets(model.scores(rows))
    texts = cleaned_texts(model, unlabelled_examples(rows.table, rows.spec))
    return texts, targets, model.explainer.explain(margins_of(model), texts, targets)


def text_reasons(model: ModelExplainer, rows: ScoringRows, most: int) -> list[str]:
    """Of each text the parts that speak most for what it is taken for, the strongest first.

    Args:
        model: The exported model.
        rows: The texts.
        most: Parts a text.
    """
    texts, _, found = of_rows(model, rows)
    return [
        "; ".join(
            players.parts[place] for place in np.argsort(-values, kind="stable")[:most] if values[place] > 0.0
        )
        for players, values in ((item, told.values[0]) for item, told in zip(texts, found, strict=True))
    ]


def explained_table(model: ModelExplainer, rows: ScoringRows) -> pa.Table:
    """A row a word: which text it is of, what it is taken for, and what the word adds to that."""
    task = model.spec.task
    texts, targets, found = of_rows(model, rows)
    column, names = rows.names
    counts = [len(item.parts) for item in texts]
    each = np.repeat(np.arange(len(texts)), counts)
    return pa.table(
        {
            column: pa.array([names[row] for row in each]),
            "queue": pa.array([task.target_name(int(targets[row])) for row in each], pa.string()),
            "position": pa.array(np.concatenate([np.arange(count) for count in counts]) if counts else []),
            "word": pa.array([part for item in texts for part in item.parts], pa.string()),
            "contribution": pa.array(np.concatenate([item.values[0] for item in found])),
        }
    )


def explain_new(model: ModelExplainer, rows: ScoringRows, output: Path | None) -> str:
    """Write or print what each word speaks for; returns how much was explained, and how."""
    table = explained_table(model, rows)
    told = f"{rows.table.num_rows:,} texts explained ({METHOD}, {model.spec.task.margin_unit})"
    if output:
        write_csv(table, output)
        return told
    column, names = rows.names
    words: dict[Any, list[tuple[float, str, str]]] = {name: [] for name in names}
    for row in table.to_pylist():
        words[row[column]].append((row["contribution"], row["word"], row["queue"]))
    for name, parts in words.items():
        strongest = sorted(parts, key=lambda part: -abs(part[0]))[:SHOWN_WORDS]
        queue = parts[0][2] if parts else "no words"
        print(f"{name}: {queue}; {', '.join(f'{word} {value:+.2f}' for value, word, _ in strongest)}")
    return told
