"""Tables of `use_case.toml` that are about one kind of data, and what all tables have in common."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def span(text: str) -> timedelta:
    """A span of time as the declaration writes it: `30m`, `6h`, `7d`.

    Raises:
        ValueError: It is written otherwise.
    """
    match = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if not match:
        raise ValueError("a span of time is a number and m, h or d, e.g. 30m, 6h or 7d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def _written_span(text: str) -> str:
    span(text)
    return text


Span = Annotated[str, AfterValidator(_written_span)]


class Table(BaseModel):
    """A table: unknown keys are errors, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Written(Table):
    """How files are written, where that could mean two things."""

    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="what separates a CSV's columns; usually found out"
    )
    decimal: Literal[".", ","] | None = Field(
        None, description='what begins a number\'s decimals, "." or ","; usually found out'
    )
    thousands: Literal[".", ",", " ", "'"] | None = Field(
        None, description='what groups a number\'s digits, e.g. "."; usually found out'
    )
    date_format: str | None = Field(
        None, description='how dates are written, e.g. "%d.%m.%Y"; usually found out'
    )
    encoding: str | None = Field(
        None, description='a text file\'s encoding, e.g. "cp1252"; usually found out'
    )
    sheet: str | None = Field(None, description="which sheet of a workbook is read")
    missing: list[str] = Field([], description='cells that mean that nothing is known, e.g. "k.A."')

    @field_validator("delimiter")
    @classmethod
    def _plain_delimiter(cls, value: str | None) -> str | None:
        if value is not None and (not value.isascii() or value.isalnum() or value in '"\n\r'):
            raise ValueError("one sign is needed, e.g. ';' or a tab")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            # One of Python's that makes bytes of text.
            known = isinstance("a".encode(value or "utf-8"), bytes)
        except (LookupError, ValueError):
            known = False
        if not known:
            raise ValueError("no encoding that is known; e.g. utf-8, cp1252, cp1250, latin-1")
        return value

    @field_validator("date_format")
    @classmethod
    def _whole_date(cls, value: str | None) -> str | None:
        known = re.findall("%(.)", value or "")
        day = {"d", "e", "j"} & set(known), {"m", "b", "B", "j"} & set(known), {"Y", "y"} & set(known)
        if value is not None and not {"F", "s"} & set(known) and not all(day):
            raise ValueError("a day, a month and a year are needed, e.g. %d.%m.%Y")
        return value

    @model_validator(mode="after")
    def _two_marks(self) -> Self:
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError("'decimal' and 'thousands' cannot be the same")
        return self


class History(Table):
    """What is computed of the rows before each row, of its card and of its merchant."""

    windows: list[Span] = Field(
        ["1h", "1d", "7d", "30d"], min_length=1, description="how far back counts, amounts and frauds go"
    )
    recent: int = Field(
        10, ge=0, le=100, description="how many of the card's latest transactions the models read beside"
    )

    @model_validator(mode="after")
    def _windows_that_differ(self) -> History:
        if not all(span(window) for window in self.windows):
            raise ValueError("history.windows: a window of no time holds nothing; remove it")
        if len({span(window) for window in self.windows}) < len(self.windows):
            raise ValueError("history.windows: a window stands twice; remove one")
        return self

    @property
    def longest(self) -> str:
        """The longest window, of which what is usual is computed."""
        return max(self.windows, key=span)


QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


class Forecasting(Table):
    """What is forecast of series, and by which past forecasts that is judged."""

    horizon: int = Field(ge=1, le=1000, description="how many steps ahead")
    frequency: str | None = Field(
        None, description="the time between two steps, e.g. 15min, 1h, 1D, 1W, 1M, 1Q, 1Y; usually found out"
    )
    season: list[int] | None = Field(
        None, description="after how many steps a pattern repeats, the shortest first; usually by frequency"
    )
    quantiles: list[float] = Field(
        list(QUANTILES),
        min_length=1,
        max_length=99,
        description="which quantiles are forecast; 0.5 among them",
    )
    windows: int | None = Field(
        None, ge=1, description="how many origins evaluate; usually 4, of few long series 8"
    )
    step: int | None = Field(
        None, ge=1, description="steps between two of these forecasts; usually the horizon"
    )
    lookback: int | None = Field(
        None, ge=2, le=4096, description="how many steps of the past a model reads; usually by season"
    )
    known_future: list[str] = Field(
        [], description="columns whose values are known for the steps to come, e.g. price, promotion"
    )
    static: list[str] = Field([], description="columns that have one value a series")
    hierarchy: list[str] = Field(
        [],
        description="columns of forecast.static or columns.series by which series add up, the coarsest first;"
        " `predict` tells the totals of each level",
    )
    reconcile: Literal["bottom_up", "mint"] = Field(
        "bottom_up",
        description="how totals and series agree: sums of the series, or totals forecast beside, and all"
        " moved by as little as makes them agree",
    )
    wide: Literal["series", "times"] | None = Field(
        None,
        description="what stands side by side in a wide file: a column a series, or a column a time;"
        " columns.label, and columns.series or columns.time, then name what the turned columns are called",
    )
    gaps: Literal["missing", "zero"] = Field(
        "missing", description="what a step without a row means: not known, or nothing happened"
    )
    duplicates: Literal["refuse", "sum", "mean"] = Field(
        "refuse", description="what becomes of rows of the same series and time"
    )

    @model_validator(mode="after")
    def _quantiles_in_order(self) -> Forecasting:
        inside = all(0.0 < quantile < 1.0 for quantile in self.quantiles)
        if not inside or sorted(set(self.quantiles)) != self.quantiles or 0.5 not in self.quantiles:
            raise ValueError("forecast.quantiles: name ascending numbers between 0 and 1, 0.5 among them")
        if self.season is not None and (not self.season or min(self.season) < 1):
            raise ValueError("forecast.season: name numbers of steps from 1, e.g. [24, 168]")
        return self


class Card(Table):
    """What the model card says that only people know; what is not stated is said to be so."""

    developer: str | None = Field(None, description="who made the model")
    contact: str | None = Field(None, description="whom to ask, and to tell of faults")
    intended_use: str | None = Field(None, description="what it is for, and where in the work it stands")
    intended_users: str | None = Field(None, description="who is to use it")
    population: str | None = Field(None, description="of whom it may be used")
    out_of_scope: str | None = Field(None, description="what it must not be used for")
    oversight: str | None = Field(None, description="who looks after what it says")
    limits: str | None = Field(None, description="known risks and limits")
    maintenance: str | None = Field(None, description="how it is watched and renewed")
    funding: str | None = Field(None, description="who paid for it")


class Clinical(Table):
    """What is asked of a model that tells findings."""

    sensitivity: float = Field(
        0.9, gt=0.0, lt=1.0, description="share of the findings that are to be flagged; thresholds follow"
    )
    specificity: float = Field(
        0.9,
        gt=0.0,
        lt=1.0,
        description="share of rows without a finding at which recalls are compared",
    )
    coverage: float = Field(
        0.9,
        gt=0.5,
        lt=1.0,
        description="how often what is thought possible is to hold the truth",
    )
    prevalence: list[float] = Field(
        [0.01, 0.05, 0.2], description="shares of rows with the finding at which a flag's meaning is told"
    )

    shortcuts: Literal["tell", "refuse"] = Field(
        "tell",
        description="of a model that goes by a corner for one group of scans: told, or such a model does not"
        " ship",
    )

    @model_validator(mode="after")
    def _shares(self) -> Clinical:
        if not all(0.0 < share < 1.0 for share in self.prevalence):
            raise ValueError("clinical.prevalence: name numbers between 0 and 1")
        return self


class Cleaning(Table):
    """What is taken out of texts, in storing, learning and serving alike."""

    clean: list[Literal["html", "quotes", "signature"]] = Field(
        ["html", "quotes", "signature"],
        description="markup, quoted lines, and signatures behind a line of two hyphens",
    )
    mask: list[Literal["email", "iban", "card", "phone", "name"]] = Field(
        ["email", "iban", "card", "phone", "name"],
        description="personal data that is replaced by a placeholder before anything is stored",
    )


class Images(Table):
    """How images are read."""

    size: int | None = Field(
        None,
        ge=16,
        le=1024,
        description="pixels of the longer side after scaling; usually the images' own, as far as time allows",
    )
    corners: float = Field(
        0.0,
        ge=0.0,
        lt=0.5,
        description="squares at the corners that are made black, as a share of the shorter side: where marks"
        " stand that say who made the image",
    )


class Resources(Table):
    """What a container asks of its cluster, and may use."""

    cpu: float | None = Field(None, gt=0.0, le=1024.0, description="cores")
    memory: str | None = Field(None, pattern=r"^[1-9]\d*(Mi|Gi|M|G)$", description="e.g. 8Gi")
    gpu: int = Field(0, ge=0, le=64, description="graphics cards")
    gpu_type: str = Field("nvidia.com/gpu", description="what the cluster calls them")


class Volume(Table):
    """A persistent volume that all nodes see."""

    claim: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", description="the claim's name")
    path: str = Field(pattern=r"^/.*[^/]$", description="where nodes see it, e.g. /data")


# Where containers have the project, what the backend stages, and what they write.
TAKEN = ("/home/solution/project", "/s3", "/gcs", "/minio", "/tmp", "/kfp-launcher", "/usr", "/etc", "/proc")


class Kubeflow(Table):
    """How a run goes on Kubeflow Pipelines."""

    image: str | None = Field(
        None,
        pattern=r"^[^\sA-Z]+(:[\w.-]+|@sha256:[0-9a-f]{64})$",
        description="the image that holds the project, in small letters, with its tag or its digest",
    )
    pipeline_root: str | None = Field(
        None,
        pattern=r"^(gs|s3|minio)://[^/\s]+(/\S*)?$",
        description="where results of nodes are kept: an address in an object store",
    )
    models: str | None = Field(
        None,
        pattern=r"^((gs|s3|minio):/)?/\S*[^/\s]$",
        description="where the model goes that ships: a folder in a volume, or an object store's address",
    )
    endpoint: str | None = Field(
        None, pattern=r"^https?://\S+$", description="the address of Kubeflow Pipelines"
    )
    namespace: str | None = Field(None, description="whose runs they are, where several share a cluster")
    service_account: str | None = Field(None, description="as whom pods run")
    volumes: list[Volume] = Field([], description="persistent volumes that nodes see, e.g. with the data")
    environment: dict[str, str] = Field(
        {}, description="environment of nodes, e.g. AWS_ENDPOINT_URL; nothing secret"
    )
    secrets: dict[str, str] = Field(
        {}, description='environment of nodes, out of secrets: NAME = "secret/key"'
    )
    pull_secrets: list[str] = Field([], description="secrets with which the image is pulled")
    retries: int = Field(1, ge=0, le=10, description="how often a node that failed is tried again")
    resources: dict[str, Resources] = Field(
        {}, description="what nodes ask for, by a node's name; default is meant for all others"
    )

    @property
    def pinned(self) -> bool:
        """Whether the image is named by its digest, and cannot change."""
        return "@sha256:" in (self.image or "")

    @model_validator(mode="after")
    def _places_of_its_own(self) -> Kubeflow:
        for volume in self.volumes:
            for taken in TAKEN:
                if f"{taken}/".startswith(f"{volume.path}/") or f"{volume.path}/".startswith(f"{taken}/"):
                    raise ValueError(
                        f"kubeflow.volumes: {volume.path} would hide {taken}, which containers need; choose"
                        " another path, e.g. /data"
                    )
        if len({volume.path for volume in self.volumes}) < len(self.volumes):
            raise ValueError("kubeflow.volumes: a path stands twice; give each volume its own")
        return self

    @model_validator(mode="after")
    def _environment_without_secrets(self) -> Kubeflow:
        for name in self.environment:
            if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
                raise ValueError(f"kubeflow.environment: '{name}' is no name of a variable")
            if name in self.secrets:
                raise ValueError(f"kubeflow.environment: {name} stands under secrets too; name it once")
            if re.search("SECRET|PASSWORD|PASSWD|TOKEN|ACCESS_KEY|PRIVATE", name.upper()):
                raise ValueError(
                    f"kubeflow.environment: {name} looks like a secret, and would be readable in the"
                    f' pipeline; put it into a secret: kubeflow.secrets = {{{name} = "secret/key"}}'
                )
        return self

    @model_validator(mode="after")
    def _secrets_with_their_keys(self) -> Kubeflow:
        for name, place in self.secrets.items():
            if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or not re.fullmatch(
                r"[a-z0-9.-]+/[\w.-]+", place, re.ASCII
            ):
                raise ValueError(
                    f'kubeflow.secrets: {name} = "{place}" is not NAME = "secret/key", e.g.'
                    ' AWS_ACCESS_KEY_ID = "object-store/accesskey"'
                )
        return self
