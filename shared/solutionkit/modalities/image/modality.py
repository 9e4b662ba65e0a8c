"""Rows that are image files, by a table of labels or by a sub-folder a class."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from solutionkit.cells import as_text
from solutionkit.declaration import READER, Columns, Declaration
from solutionkit.declaration_parts import span
from solutionkit.errors import DataError, Problem, UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE, Feature
from solutionkit.kinds.image_files import inspect_files
from solutionkit.modalities.base import Modality
from solutionkit.modalities.image.folder import (
    broken_files,
    copy_notes,
    file_column,
    image_feature,
    named_files,
    read_images,
    shape_problems,
)
from solutionkit.modalities.image.sources import (
    HEADER_COLUMNS,
    SUFFIXES,
    image_files,
    is_arrays,
    refuse_names,
)
from solutionkit.modalities.rows import Dataset, Description, ScoringRows
from solutionkit.modalities.table.modality import unread
from solutionkit.tasks.classification.labels import canonical
from solutionkit.tasks.classification.task import Classification

if TYPE_CHECKING:
    from solutionkit.examples.audit import AuditedTable
    from solutionkit.tasks.base import Task
    from solutionkit.use_case import Project

LABELS_FILE = "labels.csv"
# At which the recall is told unless the declaration says otherwise.
FALSE_ALARM_RATE = 0.05


@dataclass(frozen=True)
class Images(Modality):
    """A folder of images."""

    preprocessing: str = "solutionkit.transform.images:preprocessing_fn"
    baseline: str = "solutionkit.models.texture_baseline:train"
    deep: str = "solutionkit.models.image_network:train"
    explanation: str = "solutionkit.explain.images:explain_images"
    simple: str | None = "solutionkit.models.texture_linear:train"
    methods: Mapping[str, Mapping[str, str]] = field(
        default_factory=lambda: {
            "anomaly": {
                "baseline": "solutionkit.models.anomaly:train_texture",
                "deep": "solutionkit.models.anomaly:train_network",
            }
        }
    )

    sample_name: ClassVar[str] = "sample"
    input_in_words: ClassVar[str] = "image file's bytes"

    def declaration_problems(self, declaration: Declaration) -> list[Problem]:
        """Keys of tables; the image column, which must be there."""
        columns, data = declaration.columns, declaration.data
        problems = unread(
            {
                "columns.text": columns.text,
                f"beam.{READER}": declaration.beam.get(READER),
                "training.devices": declaration.training.devices == "all"
                and declaration.training.method in self.methods,
                "training.encoder": declaration.training.encoder,
                "columns.numeric": columns.numeric,
                "columns.categorical": columns.categorical,
                "data.split_table": data.split_table,
                "data.schema": data.schema_,
                "columns.card": columns.card,
                "columns.merchant": columns.merchant,
                "columns.amount": columns.amount,
                "data.label_delay": span(data.label_delay),
                "[history]": declaration.history,
                "[forecast]": declaration.forecast,
                "columns.series": columns.series,
            }
        )
        if not columns.image:
            message = (
                "columns.image is missing: the column of data.labels that holds the paths; of a folder"
                ' without such a table any name, e.g. "image"'
            )
            problems.append(Problem("missing_key", message))
        if data.path is None:
            message = "images are given by data.path, a folder or an .npz file"
            problems.append(Problem("missing_key", message, "split them with data.split"))
        if declaration.training.method in self.methods and columns.negative is None:
            message = f'training.method = "{declaration.training.method}" needs columns.negative'
            problems.append(Problem("missing_key", message, "name the value of good rows"))
        return problems

    def task_problems(self, task: Task, declaration: Declaration) -> list[Problem]:
        """Images are told by class."""
        del declaration
        if isinstance(task, Classification):
            return []
        message = f"images are told by class, not by {task.name}"
        return [Problem("unknown_task", message, "remove project.task", task.label)]

    def read(self, declaration: Declaration) -> Dataset:
        """Find, inspect and label the files."""
        images = read_images(declaration)
        table = images.table
        if declaration.training.method == "anomaly" and declaration.columns.label in table.column_names:
            table = good_or_not(table, declaration.columns)
        return Dataset(
            table,
            str(images.folder),
            copies=[picture.digest for picture in images.pictures],
            folder=images.folder,
            notes=tuple(images.notes),
            problems=tuple(images.problems),
            details=images,
        )

    def after_split(
        self, splits: np.ndarray, data: Dataset, marked: np.ndarray, declaration: Declaration
    ) -> list[str]:
        """A note where a given split parts copies."""
        del marked
        return copy_notes(data.details, declaration.columns.image or "", splits)

    def describe(self, data: Dataset, training_rows: pa.Table, project: Project) -> Description:
        """The image, and that nothing else is read."""
        del training_rows
        columns = project.declaration.columns
        if not data.details.pictures or not columns.image:
            return Description()
        images = project.declaration.images
        feature = image_feature(columns.image, data.details.pictures, images.size)
        feature = dataclasses.replace(feature, corners=images.corners)
        spoken_for = {columns.image, file_column(columns.image), *project.declaration.slices.columns}
        ignored = {
            name: "beside the image, which is all that the models read"
            for name in data.table.column_names
            if name not in columns.not_features | spoken_for
        }
        return Description((feature,), ignored, "one image a row", problems=tuple(shape_problems(feature)))

    def identity(self, declaration: Declaration) -> str | None:
        """The file, unless there is an id."""
        return declaration.columns.id or file_column(declaration.columns.image or "")

    def metadata_files(self, declaration: Declaration) -> tuple[Feature, ...]:
        """The masks."""
        return (Feature(declaration.columns.mask, IMAGE),) if declaration.columns.mask else ()

    def files(self, declaration: Declaration) -> tuple[list[Path], list[str] | None]:
        """Images and masks with their names, for labels; and the table of labels."""
        folder = declaration.data.path
        assert folder is not None
        names = named_files(declaration)
        labels = [declaration.data.labels] if declaration.data.labels else []
        if is_arrays(folder):
            return [folder, *labels], None
        return [*(folder / name for name in names), *labels], names

    def made_columns(self) -> frozenset[str]:
        """What DICOM headers say."""
        return frozenset(HEADER_COLUMNS)

    def read_new(self, source: Path, spec: TableSpec, known: Any = None) -> ScoringRows:
        """One image, or all of a folder."""
        del known
        if source.is_file() and not is_arrays(source):
            if source.suffix.lower() not in {"", *SUFFIXES}:
                raise UserError(
                    f"{source}: this model reads images: a PNG, JPEG, BMP, TIFF or DICOM file, a folder of"
                    " them, or an .npz file of arrays."
                )
            folder, paths = source.parent, [source.name]
        else:
            folder, paths = source, image_files(source)
        refuse_names(folder, paths)
        inspected = zip(paths, inspect_files(folder, paths), strict=True)
        broken = {path: item for path, item in inspected if isinstance(item, str)}
        if broken:
            raise DataError(str(source), broken_files(broken))
        # A model with an id of its own is asked for images, whose paths then name the rows.
        columns = dict.fromkeys([spec.only(IMAGE).name, spec.id or spec.only(IMAGE).name], paths)
        table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
        return ScoringRows(table, spec, folder)

    def false_alarm_rate(self, declaration: Declaration) -> float | None:
        """As declared, else the usual one."""
        return super().false_alarm_rate(declaration) or FALSE_ALARM_RATE

    def lines(self, audited: AuditedTable) -> list[str]:
        """How images are read."""
        feature = audited.spec.only(IMAGE)
        height, width, channels = feature.shape
        colour = "grey" if channels == 1 else "colour"
        return [
            f"images   {audited.folder}, read as {width} x {height} pixels in {colour}, {feature.bits} bits"
            f"{', corners black' if feature.corners else ''}"
        ]

    def facts(self, audited: AuditedTable) -> list[tuple[str, str]]:
        """How images are read."""
        feature = audited.spec.only(IMAGE)
        height, width, channels = feature.shape
        colour = "grey" if channels == 1 else "colour"
        corners = f", corners of {feature.corners:.0%} of the shorter side black" if feature.corners else ""
        return [("Images", f"read as {width} x {height} pixels, {colour}{corners}")]

    def explain_rows(self, model: Any, rows: ScoringRows, output: Path | None) -> str:
        """Heat maps."""
        from solutionkit.explain.rows import explain_heat

        return explain_heat(model, rows, output)

    def smallest(self, declaration: Declaration) -> int:
        """Images are costly to learn from."""
        del declaration
        return 600

    def scoring_source(self, project: Project) -> Path:
        """The sample's folder of images, without its masks."""
        return project.sample_path / f"{project.declaration.columns.image}s"

    def explanation_fault(self, explained: dict[str, Any], project: Project) -> str | None:
        """Heat finds the sample's masks better than chance does."""
        del project
        if "localisation" not in explained:
            return "the sample has no masks to judge heat maps by"
        found = explained["localisation"]
        if found["pointing_game"]["low"] <= found["pointing_game_by_chance"]:
            return "its heat finds the masks no better than chance does"
        return None

    def damaged(self, project: Project) -> dict[str, Path]:
        """Copies of the sample's folder."""
        columns, source = project.declaration.columns, project.sample_path
        assert columns.image is not None
        table = pa.csv.read_csv(source / LABELS_FILE)
        images = table[columns.image].to_pylist()
        labels = table[columns.label].to_pylist()
        folder = project.folder / "damaged"
        shutil.rmtree(folder, ignore_errors=True)

        def copy(name: str, **changed: list[Any]) -> Path:
            target = folder / name
            shutil.copytree(source, target)
            written = table
            for column, values in changed.items():
                written = written.set_column(written.column_names.index(column), column, pa.array(values))
            pa.csv.write_csv(written, target / LABELS_FILE)
            return target

        broken = copy("broken")
        for name in images[: len(images) // 10]:
            (broken / name).write_bytes((broken / name).read_bytes()[:200])
        gone = copy("gone")
        (gone / images[0]).unlink()
        twice = copy("twice")
        other = next(row for row, label in enumerate(labels) if label != labels[0])
        shutil.copy(twice / images[0], twice / images[other])
        empty = folder / "empty"
        empty.mkdir()
        return {
            "many broken files": broken,
            "a file that is gone": gone,
            "the same picture under two labels": twice,
            "one class only": copy("one_class", **{columns.label: [labels[0]] * len(images)}),
            "an image in two rows": copy("doubled", **{columns.image: [images[1], *images[1:]]}),
            "an empty folder": empty,
            "no such folder": folder / "nowhere",
        }


def good_or_not(raw: pa.Table, columns: Columns) -> pa.Table:
    """The table with all labels but the negative one made into one, for learning from good rows alone."""
    texts = as_text(raw[columns.label])
    same = {canonical(value): value for value in pc.unique(texts.drop_null()).to_pylist()}
    good = same.get(canonical(str(columns.negative)))
    if good is None:
        return raw
    other = f"not {good}"
    labels = pc.if_else(pc.equal(texts, good), texts, pc.if_else(pc.is_valid(texts), other, texts))
    return raw.set_column(raw.column_names.index(columns.label), columns.label, labels)
