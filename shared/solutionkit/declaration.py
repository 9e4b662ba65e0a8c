"""`use_case.toml`: what a user declares about data, columns and business, validated.

The declaration is the first thing a user edits, so every mistake in it is answered with the
file, the key and the remedy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, FiniteFloat, field_validator, model_validator

from solutionkit.declaration_parts import (
    Card,
    Cleaning,
    Clinical,
    Forecasting,
    History,
    Images,
    Kubeflow,
    Span,
    Table,
    Written,
    span,
)

FILE_NAME = "use_case.toml"
# The node that reads the data; what it computes of them may be computed by Beam.
READER = "RowExampleGen"


class About(Table):
    """What the project is about, where that is not what the use case says."""

    task: str | None = Field(None, description='what is predicted: "classification" or "regression"')
    quantile: float | None = Field(
        None, gt=0.0, lt=1.0, description="regression: the quantile to predict instead of the mean"
    )
    title: str | None = Field(None, description="what people call it")
    question: str | None = Field(None, description="the decision that the model serves, one sentence")
    row: str | None = Field(None, description='what one row is, in the singular, e.g. "loan"')
    primary_metric: str | None = Field(None, description="the metric that decides, e.g. roc_auc")
    labels: dict[str, str] = Field({}, description="what columns are called in the report")


class Data(Written):
    """Where the rows are and how they are split; paths are absolute or relative to the file."""

    path: Path | None = Field(
        None,
        description="CSV, Excel, Parquet or JSON-lines file, or a folder of them; with columns.image a folder"
        " of images",
    )
    train: Path | None = Field(None, description="training rows, when the split is given by files")
    eval: Path | None = Field(None, description="evaluation rows, when the split is given by files")
    split: Literal["random", "stratified", "time", "group", "column"] = Field(
        "random", description="how rows are held out; time, group and column go by the column of that name"
    )
    eval_fraction: float = Field(0.2, gt=0.0, lt=1.0, description="share of rows held out for evaluation")
    validation_fraction: float = Field(
        0.15, gt=0.0, lt=1.0, description="share of training rows for early stopping and thresholds"
    )
    label_delay: Span = Field(
        "0d", description="how long after a row's time its label becomes known, e.g. 7d"
    )
    split_table: Path | None = Field(
        None, description="a CSV beside the data that holds the split column, one line a row of the data"
    )
    eval_values: list[str | int] = Field(
        ["eval", "test"], description="values of the split column that mean evaluation"
    )
    labels: Path | None = Field(
        None, description="a table of a folder's images; without it, the sub-folders' names are the labels"
    )
    broken_fraction: float = Field(
        0.01, ge=0.0, lt=1.0, description="most share of image files that may be broken and are left out"
    )
    schema_: Path | None = Field(
        None, alias="schema", description="curated schema; 'schema.pbtxt' beside the file where it fits"
    )

    @property
    def drawn(self) -> bool:
        """Whether chance decides which rows, or which groups, are evaluated."""
        return self.path is not None and self.split in {"random", "stratified", "group"}

    @model_validator(mode="after")
    def _one_source(self) -> Data:
        given = (self.path is not None, self.train is not None, self.eval is not None)
        if given not in {(True, False, False), (False, True, True)}:
            raise ValueError("give either 'path', or both 'train' and 'eval'")
        if self.split_table and self.split != "column":
            raise ValueError("'split_table' needs split = \"column\"")
        return self


# Parts that one column may play at once.
SHARED_PARTS = (
    {"time", "numeric"},
    {"time", "date"},
    {"time", "reference"},
    {"date", "reference"},
    {"id", "group"},
    {"amount", "numeric"},
)


class Columns(Table):
    """Which column plays which part; feature columns not named here are inferred."""

    label: str = Field(description="the column to predict")
    positive: str | int | float | bool | None = Field(
        None, description="the label's positive value; needed unless the label is 0/1, no/yes or false/true"
    )
    negative: str | int | float | bool | None = Field(
        None, description="instead of 'positive': the value that means nothing was found, e.g. \"ok\""
    )
    id: str | None = Field(None, description="names a row in outputs; never read by a model")
    time: str | None = Field(
        None, description='when a row happened, for split = "time"; read by a model if under numeric too'
    )
    group: str | None = Field(None, description="rows that belong together and stay on one side of a split")
    series: str | list[str] | None = Field(
        None, description="which series a row is of, one column or several; without it all are of one"
    )
    split: str | None = Field(None, description='says which side a row is on, for split = "column"')
    card: str | None = Field(
        None, description="the card or account whose rows make a history, in the order of columns.time"
    )
    merchant: str | None = Field(None, description="the merchant or terminal of a row")
    amount: str | None = Field(None, description="the money that a row moves; a numeric feature")
    further_labels: list[str] = Field(
        [], description="further labels with a few values, e.g. priority; each is told beside the label"
    )
    numeric: list[str] = Field([], description="feature columns that hold numbers")
    date: list[str] = Field([], description="feature columns that hold dates")
    reference: str | None = Field(
        None,
        description="the date that a row is seen from, e.g. of its snapshot; other dates are told in days"
        " before it",
    )
    categorical: list[str] = Field([], description="feature columns that hold one of some values")
    text: list[str] = Field([], description="feature columns that hold text, read one after the other")
    image: str | None = Field(
        None, description="the column of data.labels that holds an image's path, relative to data.path"
    )
    mask: str | None = Field(
        None, description="a column with the path of a picture that is white where the defect is"
    )
    ignore: list[str] = Field([], description="columns that are left out")

    @field_validator("text", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_part_each(self) -> Columns:
        parts: dict[str, str] = {}
        for part, value in self:
            if part in {"positive", "negative"} or value is None:
                continue
            for column in value if isinstance(value, list) else [value]:
                other = parts.setdefault(column, part)
                if other != part and {part, other} not in SHARED_PARTS:
                    raise ValueError(f"column '{column}' is both '{other}' and '{part}'; name it once")
        if len(set(self.further_labels)) < len(self.further_labels):
            raise ValueError("columns.further_labels names a column twice; name it once")
        if self.positive is not None and self.negative is not None:
            raise ValueError("give 'positive' or 'negative', not both")
        return self

    @property
    def kinds(self) -> dict[str, str]:
        """The kinds of columns that are declared."""
        money = {self.amount: "numeric"} if self.amount else {}
        return {
            **dict.fromkeys(self.categorical, "categorical"),
            **dict.fromkeys(self.numeric, "numeric"),
            **dict.fromkeys([*self.date, *([self.reference] if self.reference else [])], "date"),
            **money,
        }

    @property
    def as_written(self) -> set[str]:
        """Columns whose cells are names, whatever they look like."""
        parts = ("id", "group", "split", "card", "merchant", "image", "mask", "series", "categorical", "text")
        named = [getattr(self, part) or [] for part in (*parts, "further_labels", "ignore")]
        return {name for value in named for name in ([value] if isinstance(value, str) else value)}

    @property
    def features(self) -> list[str]:
        """The feature columns that are declared, in order."""
        return [*self.numeric, *self.date, *self.categorical, *self.text]

    @property
    def not_features(self) -> set[str]:
        """Columns that are never fed to a model."""
        single = [self.label, self.id, self.group, self.split, self.mask, self.card, self.merchant]
        if self.time not in {*self.numeric, *self.date, self.reference}:
            single.append(self.time)
        return {name for name in single if name} | {*self.further_labels, *self.ignore}


class Business(Table):
    """What one decision is worth, in money: gains positive, costs negative."""

    currency: str = Field("EUR", description="what the money is called in outputs")
    true_positive: float = Field(1.0, description="what a rightly flagged row is worth")
    false_positive: float = Field(0.0, description="what a wrongly flagged row is worth")
    false_negative: float = Field(0.0, description="what a missed row is worth")
    true_negative: float = Field(0.0, description="what a row that is rightly left alone is worth")
    false_alarm_rate: float | None = Field(
        None, gt=0.0, lt=1.0, description="share of negative rows flagged at which the recall is reported"
    )
    recovered: float = Field(
        0.0, ge=0.0, description="share of columns.amount that a rightly flagged row saves"
    )
    investigation_cost: float = Field(0.0, ge=0.0, description="what looking into a flagged row costs")
    alert_budget: int | None = Field(
        None, ge=1, description="how many cards a day can be looked into; needs columns.card"
    )
    misroute_cost: float | None = Field(
        None, gt=0.0, description="routing: what a row costs that is sent the wrong way"
    )
    triage_cost: float | None = Field(
        None, gt=0.0, description="routing: what it costs that a person looks where a row belongs"
    )
    triage_minutes: float | None = Field(
        None, gt=0.0, description="routing: how long a person looks at a row; hours that are saved are told"
    )
    understock_cost: float | None = Field(
        None, gt=0.0, description="forecasts: what a unit costs that was asked for and not there"
    )
    overstock_cost: float | None = Field(
        None, gt=0.0, description="forecasts: what a unit costs that was there and not asked for, each step"
    )


class Slices(Table):
    """Columns by whose values the results are shown separately."""

    columns: list[str] = Field([], description="columns of which the most frequent values are shown")


class Comparing(Table):
    """How the models are compared."""

    margin: FiniteFloat | None = Field(
        None,
        gt=0.0,
        description="a difference of the primary metric that is too small to matter; usually 0.005 of ROC-AUC"
        " and accuracy, 0.01 of average precision and macro F1, a fiftieth of the trivial one's of errors",
    )
    repeats: int = Field(
        1,
        ge=1,
        le=20,
        description="how often the models are trained, with a seed each; the first ones ship, all tell how"
        " much chance there is in learning, at so many times the training's time",
    )
    leave_out: str | None = Field(
        None,
        description="a column of slices.columns, e.g. site: the models are trained again without the rows of"
        " each of its values, to tell how well one is told that nothing was learned of",
    )


USUAL_MINUTES = 10.0


class Training(Table):
    """How the models are trained."""

    seed: int = Field(20, ge=0, lt=2**31, description="of splits, weights and shuffles")
    preset: Literal["quick", "standard", "best"] | None = Field(
        None,
        description='"quick": one fit a model, as usual for the sample; "standard": a fit a fold that it does'
        ' not see, together one model, as usual for other data; "best": the same after a search',
    )
    minutes: float = Field(
        USUAL_MINUTES,
        gt=0.0,
        le=1440.0,
        description="about how long each model may learn on two cores, unless it is quick; that goes by the"
        " data's size and not by the clock, so that a run can be repeated",
    )
    epochs: int | None = Field(
        None,
        ge=1,
        description="most epochs of the deep model; usually up to 200 of tables; images are usually"
        " learned from in steps",
    )
    devices: Literal["one", "all"] = Field(
        "one",
        description='"all": the network learns on all graphics cards, of all workers that TF_CONFIG names',
    )
    size: Literal["small", "medium", "large"] = Field("small", description="how large the deep model is")
    method: Literal["supervised", "anomaly"] = Field(
        "supervised", description='"anomaly": learn from the negative rows alone'
    )
    backbone: (
        Literal["EfficientNetV2B0", "EfficientNetV2B1", "MobileNetV3Large", "MobileNetV3Small"] | None
    ) = Field(None, description="a pre-trained image network of keras.applications")
    encoder: str | None = Field(
        None, description="a pre-trained text encoder: a KerasHub preset's folder, or its name"
    )
    weights: Path | None = Field(None, description="the backbone's weights, when there is no network")
    weights_sha256: str | None = Field(None, description="checksum that the weights' file must have")

    @property
    def by_folds(self) -> bool:
        """Whether there is a fit a fold."""
        return self.preset in {"standard", "best"}

    @property
    def leisure(self) -> float:
        """How long each model may learn, relative to what is usual."""
        return self.minutes / USUAL_MINUTES

    @model_validator(mode="after")
    def _weights_of_a_backbone(self) -> Training:
        if self.backbone is None and (self.weights or self.weights_sha256):
            raise ValueError("'weights' needs the key 'backbone'")
        if (self.weights is None) != (self.weights_sha256 is None):
            raise ValueError("'weights' and its checksum 'weights_sha256' belong together")
        return self


class Declaration(Table):
    """All of `use_case.toml`."""

    project: About = Field(About(), description="what the project is about")
    card: Card = Field(Card(), description="what the model card says that only people know")
    data: Data = Field(description="where the rows are and how they are split")
    columns: Columns = Field(description="which column plays which part")
    business: Business | None = Field(None, description="what decisions are worth; no money without it")
    images: Images = Field(Images(), description="how images are read")
    text: Cleaning = Field(Cleaning(), description="what is taken out of texts")
    history: History | None = Field(None, description="computes columns of the rows before each row")
    forecast: Forecasting | None = Field(None, description="what is forecast of series")
    clinical: Clinical | None = Field(None, description="what is asked of a model that tells findings")
    compare: Comparing = Field(Comparing(), description="how the models are compared")
    slices: Slices = Field(Slices(), description="where results are shown separately")
    thresholds: dict[str, FiniteFloat] = Field(
        {}, description="a metric's bound that the selected model must keep to be pushed"
    )
    training: Training = Field(Training(), description="how the models are trained")
    beam: dict[str, list[str]] = Field(
        {}, description="Beam's arguments by a node's name; default is meant for all others"
    )
    kubeflow: Kubeflow = Field(Kubeflow(), description="how a run goes on Kubeflow Pipelines")

    @model_validator(mode="after")
    def _split_has_its_column(self) -> Declaration:
        needed = {"time": self.columns.time, "group": self.columns.group, "column": self.columns.split}
        for name in self.slices.columns:
            if name in {self.columns.label, self.columns.id}:
                raise ValueError(f"slices.columns: '{name}' is the label or the id; slice by another column")
        if self.compare.leave_out not in {None, *self.slices.columns}:
            raise ValueError(
                f"compare.leave_out: '{self.compare.leave_out}' is not among slices.columns; add it there"
            )
        if self.data.split in needed and not needed[self.data.split] and self.data.path:
            key = "split" if self.data.split == "column" else str(self.data.split)
            raise ValueError(f'split = "{self.data.split}" needs the key columns.{key}')
        for key, needs in self._needs():
            missing = [name for name in needs if not getattr(self.columns, name)]
            if missing:
                raise ValueError(f"{key} needs {' and '.join(f'columns.{name}' for name in missing)}")
        if self.columns.card and self.data.drawn:
            raise ValueError(
                f'split = "{self.data.split}" would learn from rows after those it is judged on; with'
                ' columns.card use "time", "column", or the keys data.train and data.eval'
            )
        if span(self.data.label_delay) and self.data.drawn:
            raise ValueError(f'data.label_delay means nothing for split = "{self.data.split}"; use "time"')
        if self.columns.card and self.columns.time in self.columns.numeric:
            raise ValueError(
                f"with columns.card '{self.columns.time}' is the time alone; remove it from columns.numeric"
            )
        if self.columns.card and self.columns.group:
            raise ValueError("with columns.card intervals go by day; remove columns.group")
        return self

    def _needs(self) -> list[tuple[str, list[str]]]:
        """Keys that are set, with the columns that they cannot do without."""
        worth = self.business or Business()
        keys: list[tuple[str, object, list[str]]] = [
            ("[history]", self.history, ["card", "time", "amount"]),
            ("columns.card", self.columns.card, ["time"]),
            ("data.label_delay", span(self.data.label_delay), ["time"]),
            ("business.recovered", worth.recovered, ["amount"]),
            ("business.alert_budget", worth.alert_budget, ["card"]),
        ]
        return [(key, columns) for key, value, columns in keys if value]
