"""Files made of a sample of series: one to forecast, and damaged ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from solutionkit.examples.reading import read_table
from solutionkit.modalities.damaging import Damaging
from solutionkit.output import written

if TYPE_CHECKING:
    from solutionkit.use_case import Project


def to_forecast(project: Project) -> Path:
    """The sample as it was before its last steps: what is forecast is empty in them."""
    declaration = project.declaration
    assert declaration.forecast is not None
    assert declaration.columns.time
    table = read_table(project.sample_path)
    times = table[declaration.columns.time].to_numpy(zero_copy_only=False).astype(str)
    to_come = np.isin(times, np.unique(times)[-declaration.forecast.horizon :])
    label = declaration.columns.label
    known = pc.if_else(pa.array(to_come), pa.scalar(None, table[label].type), table[label])
    place = table.column_names.index(label)
    target = project.sample_path.with_name("sample_to_forecast.csv")
    with written(target) as stream:
        pa.csv.write_csv(table.set_column(place, label, known), stream)
    return target


def damaged(project: Project) -> dict[str, Path]:
    """Copies of the sample's CSV."""
    copies = Damaging(project)
    save, replaced, table = copies.save, copies.replaced, copies.table
    declaration = project.declaration
    assert declaration.forecast is not None
    assert declaration.columns.time
    label, time = declaration.columns.label, declaration.columns.time
    values = [str(value) for value in table[label].to_pylist()]
    times = [str(value) for value in table[time].to_pylist()]
    known = declaration.forecast.known_future[0]
    return {
        "missing column": save("missing_column", table.drop_columns([known])),
        "text among numbers": save("text_among_numbers", replaced(label, ["many", *values[1:]])),
        "empty file": save("empty", b""),
        "a time that is none": save("no_time", replaced(time, ["yesterday", *times[1:]])),
        "rows twice": save("rows_twice", pa.concat_tables([table, table.slice(0, 100)])),
        "too short": save("too_short", table.slice(0, 10)),
        "bytes of no encoding": save("encoding", copies.in_no_encoding()),
        "nothing ever sold": save("nothing", replaced(label, [0.0] * table.num_rows)),
    }
