"""A history computed by Apache Beam: as many machines as its runner has, the same columns to the last digit.

What is known of a card hangs on the card's rows alone, and of a merchant on the merchant's. So rows are dealt
out to as many parts as are wished by a hash of the card, and once more of the merchant; each part is computed
by the one function that computes all rows elsewhere. Events travel as Arrow files in a folder that all
machines see.
"""

from __future__ import annotations

import tempfile
import uuid
import zlib
from collections.abc import Iterable, Iterator
from datetime import timedelta

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from solutionkit.cells import take_rows
from solutionkit.declaration_parts import History
from solutionkit.errors import UserError
from solutionkit.modalities.events.rolling import CARD, MERCHANT, RECENT, computed_columns, rolling_features

PARTS, CHUNK = 64, 200_000
POSITION = "position"


def beamed_features(
    events: pa.Table,
    history: History,
    label_delay: timedelta,
    arguments: list[str],
    parts: int = PARTS,
    chunk: int = CHUNK,
) -> pa.Table:
    """As `rolling_features`, by Beam.

    Args:
        events: See there.
        history: Windows and number of recent events.
        label_delay: How long after an event its label becomes known.
        arguments: Beam's; `--temp_location` names the folder that all machines see.
        parts: Into how many the rows are dealt.
        chunk: Rows a file.

    Returns:
        The same columns, one row an event, in the events' order.

    Raises:
        UserError: The pipeline failed.
    """
    options = PipelineOptions(arguments)
    shared = options.view_as(GoogleCloudOptions).temp_location
    with tempfile.TemporaryDirectory() as local:
        folder = FileSystems.join(shared or local, f"history-{uuid.uuid4().hex}")
        FileSystems.mkdirs(folder)
        try:
            return _computed(events, history, label_delay, options, folder, parts, chunk)
        except (OSError, RuntimeError, ValueError) as error:
            told = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(
                f"the history could not be computed by Beam ({' '.join(arguments)}): {told[-1]}"
            ) from error
        finally:
            FileSystems.delete([folder])


def _computed(
    events: pa.Table,
    history: History,
    label_delay: timedelta,
    options: PipelineOptions,
    folder: str,
    parts: int,
    chunk: int,
) -> pa.Table:
    keys = [name for name in (CARD, MERCHANT) if name in events.column_names]
    numbered = events.append_column(POSITION, pa.array(np.arange(events.num_rows)))
    files = []
    for start in range(0, max(events.num_rows, 1), chunk):
        files.append(FileSystems.join(folder, f"events-{start}"))
        _write(files[-1], numbered.slice(start, chunk))
    named = [item.name for item in computed_columns(history, merchants=MERCHANT in keys)]
    with beam.Pipeline(options=options) as pipeline:
        chunks = pipeline | "files" >> beam.Create(files) | "apart" >> beam.Reshuffle()
        for key in keys:
            wanted = [name for name in named if name.startswith(f"{MERCHANT}_") == (key == MERCHANT)]
            (
                chunks
                | f"deal {key}" >> beam.FlatMap(_dealt, key, parts, folder)
                | f"gather {key}" >> beam.GroupByKey()
                | f"compute {key}" >> beam.Map(_part, key, wanted, history, label_delay, folder)
            )
    made: dict[str, pa.ChunkedArray] = {}
    for key in keys:
        (found,) = FileSystems.match([FileSystems.join(folder, f"made-{key}-*")])
        whole = pa.concat_tables([_read(item.path) for item in found.metadata_list])
        order = np.argsort(whole[POSITION].to_numpy())
        ordered = take_rows(whole, order)
        made |= {name: ordered[name] for name in ordered.column_names if name != POSITION}
    # Sequences stand last.
    return pa.table({name: made[name] for name in sorted(named, key=lambda name: name == RECENT)})


def _dealt(file: str, key: str, parts: int, folder: str) -> Iterator[tuple[int, str]]:
    """A file's rows as a file for each part that has some."""
    rows = _read(file)
    # Of no card nothing is known; such rows may be anywhere.
    hashes = np.array([_hash(value) % parts for value in rows[key].to_pylist()])
    for part in np.unique(hashes):
        name = FileSystems.join(folder, f"dealt-{key}-{part}-{uuid.uuid4().hex}")
        _write(name, rows.filter(pa.array(hashes == part)))
        yield int(part), name


def _part(
    dealt: tuple[int, Iterable[str]],
    key: str,
    wanted: list[str],
    history: History,
    label_delay: timedelta,
    folder: str,
) -> None:
    """The columns of a part's rows, as a file."""
    part, files = dealt
    rows = pa.concat_tables([_read(file) for file in files])
    rows = rows.take(pc.sort_indices(rows[POSITION]))
    made = rolling_features(rows, history, label_delay).select(wanted)
    _write(FileSystems.join(folder, f"made-{key}-{part}"), made.append_column(POSITION, rows[POSITION]))


def _hash(value: str | None) -> int:
    return zlib.crc32(value.encode()) if value is not None else 0


def _write(file: str, table: pa.Table) -> None:
    with FileSystems.create(file) as stream, pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)


def _read(file: str) -> pa.Table:
    with FileSystems.open(file) as stream:
        return pa.ipc.open_stream(stream.read()).read_all()
