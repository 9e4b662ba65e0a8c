"""What raises and lowers a forecast: Shapley values of the parts of a window, the same game for every model.

The players are the newest and the older steps of the past, each covariate, and the calendar. A part that is
away is replaced by what is usual for the same series: a past that is flat at its own mean, a covariate at its
own mean, another time of the year. So what contributions start from is what the model says of an ordinary
time of this very series, and "promotion +12" is twelve units that this promotion adds (L. Shapley, 1953; S.
Lundberg, S. Lee, NeurIPS 2017, arXiv 1705.07874; references by M. Sundararajan, A. Najmi, ICML 2020, arXiv
1908.08474). With few players all coalitions are asked for, so the values are exact; else orders are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import factorial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from solutionkit.examples.columns import TableSpec
from solutionkit.explain import summary
from solutionkit.explain.attribution import Attribution
from solutionkit.kinds import FUTURE, PAST, kind_of
from solutionkit.modalities.series.latest import named
from solutionkit.modalities.series.windows import CALENDAR
from solutionkit.models.export import raw_columns
from solutionkit.models.series.explaining import BACKGROUND_FILE
from solutionkit.output import write_csv
from solutionkit.tasks.forecast.task import Forecast

if TYPE_CHECKING:
    from solutionkit.explain.evaluated import EvaluatedModels
    from solutionkit.explain.loading import ModelExplainer
    from solutionkit.modalities.rows import ScoringRows

# `(windows by column) -> (windows, outputs)`.
Model = Callable[[dict[str, np.ndarray]], np.ndarray]
GLOBAL_WINDOWS = 24
# With more players than this orders are drawn, so many and each both ways.
MOST_EXACT, ORDERS = 8, 12
TIMES = 2
WINDOWS_AT_ONCE = 4096
NEWEST, OLDER, WHEN = "newest steps", "older steps", "calendar"
METHOD = "Shapley values against an ordinary time of the same series"


@dataclass(frozen=True)
class Players:
    """The parts of a window.

    Attributes:
        names: What they are called.
        past: Channels of the past of each.
        future: Channels of the future of each.
        newest: How many steps are the newest ones.
    """

    names: tuple[str, ...]
    past: tuple[tuple[int, ...], ...]
    future: tuple[tuple[int, ...], ...]
    newest: int

    @classmethod
    def of(cls, spec: TableSpec) -> Players:
        """Those of a model's windows; channels of one column's values are one player."""
        task = spec.task
        assert isinstance(task, Forecast)
        past, future = spec.only(PAST).domain, spec.only(FUTURE).domain
        columns = dict.fromkeys(
            name.split(" = ")[0] for name in (*past[2:], *future) if not name.startswith(CALENDAR)
        )
        columns.pop("steps ahead", None)

        def channels(names: tuple[str, ...], column: str) -> tuple[int, ...]:
            return tuple(
                place
                for place, name in enumerate(names)
                if name.split(" = ")[0] == column and (names is future or place > 1)
            )

        calendar = tuple(place for place, name in enumerate(future) if name.startswith(CALENDAR))
        listed = [NEWEST, OLDER, *columns, *([WHEN] if calendar else [])]
        return cls(
            tuple(listed),
            ((), (), *(channels(past, name) for name in columns), *([()] if calendar else [])),
            ((), (), *(channels(future, name) for name in columns), *([calendar] if calendar else [])),
            min(max(task.seasons[0], 4), max(spec.only(PAST).shape[0] // 2, 1)),
        )


class SeriesExplanation:
    """What a trainer of series keeps for its explanation.

    Args:
        folder: Where it is.
        spec: What the columns are.
    """

    method = METHOD

    def __init__(self, folder: Path, spec: TableSpec) -> None:
        self.spec = spec
        with np.load(folder / BACKGROUND_FILE) as stored:
            self.background = {name: stored[name] for name in stored.files}

    def explain(self, model: Model, windows: dict[str, np.ndarray]) -> Attribution:
        """Contributions of `Players` to the sum of each window's medians.

        Args:
            model: What is explained.
            windows: By column, as `serving_raw` takes them.
        """
        return explained(model, windows, self.spec, self.background[FUTURE])


def explained(
    model: Model, windows: dict[str, np.ndarray], spec: TableSpec, futures: np.ndarray
) -> Attribution:
    """See `SeriesExplanation.explain`.

    Args:
        model: What is explained.
        windows: By column.
        spec: What the columns are.
        futures: `(others, horizon, channels)` of which other times of the year are taken.
    """
    players = Players.of(spec)
    count = len(players.names)
    if count <= MOST_EXACT:
        coalitions = np.array(list(product((False, True), repeat=count)))
    else:
        random = np.random.default_rng(0)
        forwards = [random.permutation(count) for _ in range(ORDERS)]
        orders = [order for walk in forwards for order in (walk, walk[::-1])]
        coalitions = np.array(
            [[np.where(order == player)[0][0] < size for player in range(count)]
             for order in orders for size in range(count + 1)]
        )  # fmt: skip
    values, bases, ends = [], [], []
    for row in range(len(windows[PAST])):
        window = {name: item[row : row + 1] for name, item in windows.items()}
        said = worth(model, window, coalitions, players, spec, futures)
        if count <= MOST_EXACT:
            values.append(exact(said, count))
            bases.append(said[0])
            ends.append(said[-1])
        else:
            steps = said.reshape(len(orders), count + 1)
            change = np.zeros((len(orders), count))
            np.put_along_axis(change, np.array(orders), np.diff(steps, axis=1), axis=1)
            values.append(change.mean(axis=0))
            bases.append(steps[0, 0])
            ends.append(steps[0, -1])
    return Attribution(np.array(values), np.array(bases), np.array(ends))


def exact(said: np.ndarray, count: int) -> np.ndarray:
    """`(players,)` Shapley values of `(2 ** players,)` worths, in the order of `itertools.product`."""
    sizes = np.array([bin(code).count("1") for code in range(2**count)])
    weights = np.array([factorial(size) * factorial(count - size - 1) for size in range(count)]) / factorial(
        count
    )
    found = np.zeros(count)
    codes = np.arange(2**count)
    for player in range(count):
        bit = 1 << (count - 1 - player)
        without = codes[codes & bit == 0]
        found[player] = (weights[sizes[without]] * (said[without | bit] - said[without])).sum()
    return found


def worth(
    model: Model,
    window: dict[str, np.ndarray],
    coalitions: np.ndarray,
    players: Players,
    spec: TableSpec,
    futures: np.ndarray,
) -> np.ndarray:
    """`(coalitions,)` what the model says of one window of which some parts are as usual.

    Args:
        model: What is explained.
        window: One window, by column.
        coalitions: `(coalitions, players)` which parts are the window's own.
        players: The parts.
        spec: What the columns are.
        futures: As in `explained`.
    """
    task = spec.task
    assert isinstance(task, Forecast)
    past, future = window[PAST][0], window[FUTURE][0]
    there = past[:, :1]
    usual_past, usual_future = usual(past, future, players)
    has_calendar = players.names[-1] == WHEN
    times = TIMES if has_calendar else 1
    others = futures[np.linspace(0, len(futures) - 1, times).astype(int)]
    pasts = np.broadcast_to(past, (len(coalitions), *past.shape)).copy()
    held = np.broadcast_to(future, (len(coalitions), *future.shape)).copy()
    spans = (slice(len(past) - players.newest, None), slice(None, len(past) - players.newest))
    for player, name in enumerate(players.names):
        away = np.flatnonzero(~coalitions[:, player])
        if name in (NEWEST, OLDER):
            span = spans[player]
            pasts[away, span, 1] = (usual_past[span, 1] * there[span, 0])[None]
            continue
        for channel in players.past[player]:
            pasts[away, :, channel] = usual_past[:, channel]
        if name != WHEN:
            for channel in players.future[player]:
                held[away, :, channel] = usual_future[:, channel]
    totals = np.zeros(len(coalitions))
    # Only where the calendar is away there are several times of the year.
    away = np.flatnonzero(~coalitions[:, -1]) if has_calendar else np.arange(len(coalitions))
    rest = np.setdiff1d(np.arange(len(coalitions)), away)
    if len(rest):
        totals[rest] = asked(model, window, pasts[rest], held[rest], task)
    for other in range(times):
        ahead = held
        if has_calendar:
            ahead = held[away].copy()
            for channel in players.future[-1]:
                ahead[:, :, channel] = others[other][:, channel]
        totals[away] += asked(model, window, pasts[away], ahead, task) / times
    return totals


def asked(
    model: Model, window: dict[str, np.ndarray], pasts: np.ndarray, futures: np.ndarray, task: Forecast
) -> np.ndarray:
    """`(windows,)` sums of medians of windows that differ in past and future.

    Args:
        model: What is asked.
        window: What they have in common, by column.
        pasts: `(windows, lookback, channels)`.
        futures: `(windows, horizon, channels)`.
        task: What is forecast.
    """
    parts = []
    for start in range(0, len(pasts), WINDOWS_AT_ONCE):
        stop = min(start + WINDOWS_AT_ONCE, len(pasts))
        columns = {name: np.repeat(item, stop - start, axis=0) for name, item in window.items()}
        columns |= {PAST: pasts[start:stop], FUTURE: futures[start:stop]}
        parts.append(task.score(model(columns), np.zeros(stop - start, np.int64)))
    return np.concatenate(parts)


def usual(past: np.ndarray, future: np.ndarray, players: Players) -> tuple[np.ndarray, np.ndarray]:
    """A past and future in which everything is as it usually is in this very past: its median.

    Args:
        past: `(steps, channels)`.
        future: `(horizon, channels)`.
        players: Which channels of both are of the same column.
    """
    there = past[:, 0]
    seen = past[there > 0]
    mean = seen.mean(axis=0) if len(seen) else np.zeros(past.shape[1], past.dtype)
    # The median is not moved by a few weeks of offers; where most steps are nothing, the mean says more.
    middle = np.median(seen, axis=0) if len(seen) else mean
    mean = np.where((middle != 0.0) | (np.arange(len(mean)) > 1), middle, mean).astype(past.dtype)
    flat = np.broadcast_to(mean, past.shape).copy()
    flat[:, 0] = there
    ahead = future.copy()
    for in_past, in_future in zip(players.past, players.future, strict=True):
        if in_past:
            for before, after in zip(in_past, in_future, strict=False):
                ahead[:, after] = mean[before]
    return flat, ahead


def explain_series(evaluated: EvaluatedModels) -> dict[str, Any]:
    """Explain the models.

    Args:
        evaluated: The models, and the rows.

    Returns:
        The content of `explanations.json`.
    """
    examples, labels, ids = evaluated.examples, evaluated.labels, evaluated.ids
    explainers, outputs, selected = evaluated.explainers, evaluated.outputs, evaluated.selected
    spec = evaluated.spec
    task = spec.task
    assert isinstance(task, Forecast)
    kinds = task.notable(labels, outputs[selected], evaluated.decision)
    notable = [(kind, row) for kind, rows in kinds.items() for row in rows]
    drawn = np.sort(np.random.default_rng(evaluated.seed).permutation(len(labels))[:GLOBAL_WINDOWS])
    rows = np.concatenate([drawn, np.array([row for _, row in notable], np.int64)])
    windows = raw_columns(examples[rows], spec)
    names = list(Players.of(spec).names)
    everything = {
        name: model.explainer.explain(model_of(model), windows) for name, model in explainers.items()
    }
    overall = {name: item.take(slice(len(drawn))) for name, item in everything.items()}
    values = part_values(windows, spec)
    shown = [name for name in summary.strongest(list(overall.values()), names) if name not in (WHEN,)]
    drawn_values = {name: item[: len(drawn)] for name, item in values.items()}
    scores = {name: task.score(item[rows], np.zeros(len(rows), np.int64)) for name, item in outputs.items()}
    models = {
        name: {
            "method": METHOD,
            "base_value": float(item.base.mean()),
            "residual": summary.residual(item),
            "reliability": item.reliability,
            "cross_check": None,
            "global": summary.ranking(item, names),
            "dependence": summary.dependence(item, names, drawn_values, shown),
            "groups": summary.ranking(item, names),
        }
        for name, item in overall.items()
    }
    return {
        "kind": "columns",
        "unit": task.margin_unit,
        "rows": len(drawn),
        "positive_rows": len(drawn),
        "models": models,
        "dependence_of": "",
        "agreement": summary.agreement(overall["baseline"], overall["deep"], names),
        "single_rows": [
            {
                "kind": kind,
                "id": ids[row],
                "label": task.told(labels[row]),
                "score": {name: float(score[place]) for name, score in scores.items()},
                "columns": summary.contributions(place, everything, names, values),
            }
            for place, (kind, row) in enumerate(notable, start=len(drawn))
        ],
        "alerts": [],
    }


def model_of(explainer: ModelExplainer) -> Model:
    """An exported model as a function of columns by their own names."""
    names = explainer.spec.input_names
    return lambda columns: explainer.scorer.score_raw(
        {names[name]: values for name, values in columns.items()}
    )


def part_values(windows: dict[str, np.ndarray], spec: TableSpec) -> dict[str, np.ndarray]:
    """`(windows,)` what to tell of each part: the mean of its steps, of a covariate in the steps to come."""
    players = Players.of(spec)
    past, future = windows[PAST], windows[FUTURE]
    there = past[:, :, 0]
    found: dict[str, np.ndarray] = {}
    for name, in_past, in_future in zip(players.names, players.past, players.future, strict=True):
        if name in (NEWEST, OLDER):
            span = slice(-players.newest, None) if name == NEWEST else slice(None, -players.newest)
            count = np.maximum(there[:, span].sum(axis=1), 1.0)
            found[name] = (past[:, span, 1] * there[:, span]).sum(axis=1) / count
        elif in_future:
            found[name] = future[:, :, in_future[0]].mean(axis=1)
        else:
            found[name] = past[:, -1, in_past[0]]
    return {name: values.astype(np.float32) for name, values in found.items()}


def explained_table(model: ModelExplainer, rows: ScoringRows) -> pa.Table:
    """Of each series its forecast over all steps, that of an ordinary time, and what each part adds."""
    spec = rows.spec
    windows = {feature.name: kind_of(feature).array(rows.table[feature.name]) for feature in spec.features}
    found = model.explainer.explain(model_of(model), windows)
    parts = {name: found.values[:, place] for place, name in enumerate(Players.of(spec).names)}
    return pa.table({**named(rows), "forecast": found.output, "ordinary": found.base, **parts})


def explain_new(model: ModelExplainer, rows: ScoringRows, output: Path | None) -> str:
    """Write or print what raises and lowers each forecast; returns how much was explained, and how."""
    unit = model.spec.task.margin_unit
    table = explained_table(model, rows)
    if output:
        write_csv(table, output)
    for row in [] if output else table.to_pylist():
        name = " / ".join(str(row.pop(key)) for key in named(rows))
        forecast, ordinary = row.pop("forecast"), row.pop("ordinary")
        strongest = sorted(row.items(), key=lambda item: -abs(item[1]))
        parts = ", ".join(f"{part} {value:+,.4g}" for part, value in strongest)
        print(f"{name}: {forecast:,.4g} {unit}; ordinary {ordinary:,.4g}, {parts}")
    return f"{table.num_rows:,} series explained ({METHOD}, {unit})"
