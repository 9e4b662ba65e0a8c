"""Time from CSV to tf.Examples: our RowExampleGen beside TFX's CsvExampleGen, same file, one run.

make setup && .venv/bin/python benchmarks/ingestion/run.py [--rows 1000000] [--company]
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

TITLES = {
    "ours": "RowExampleGen",
    "tfx": "CsvExampleGen",
    "company": "RowExampleGen, a company's file, 16 columns",
    "packed": "the same, .csv.gz",
}
COLUMNS = {"numeric": 8, "categorical": 4}
USE_CASE = Path(__file__).resolve().parents[2] / "templates" / "customer_churn"


def main() -> int:
    """Write the file, time both in processes of their own, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--company",
        action="store_true",
        help="also the same rows as companies have them: semicolons, decimal commas, two dates, cp1252",
    )
    parser.add_argument("--time", choices=list(TITLES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.time:
        (time_tfx if options.time == "tfx" else time_ours)(options.folder / options.time)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write_csv(Path(folder) / "ours" / "data" / "table.csv", options.rows)
        (Path(folder) / "tfx").symlink_to("ours")
        if options.company:
            write_company(Path(folder), options.rows)
        names = list(TITLES) if options.company else ["ours", "tfx"]
        results = {name: measure(name, Path(folder)) for name in names}
    print(f"{options.rows:,} rows x 13 columns, {os.cpu_count()} cores, {platform.platform()}\n")
    print("| component | seconds | peak memory, MB |")
    print("|---|---|---|")
    for name in names:
        print(f"| {TITLES[name]} | {results[name][0]:.1f} | {results[name][1]:.0f} |")
    print(f"\nratio {results['tfx'][0] / results['ours'][0]:.1f}x (wanted: at least 5x)")
    return 0


def write_csv(file: Path, rows: int) -> None:
    """Thirteen columns: a label, eight numbers, four categories."""
    random = np.random.default_rng(0)
    columns = {"label": random.choice(["no", "yes"], rows)}
    columns |= {f"number_{i}": random.normal(size=rows).round(4) for i in range(COLUMNS["numeric"])}
    columns |= {
        f"category_{i}": random.choice(["red", "green", "blue"], rows) for i in range(COLUMNS["categorical"])
    }
    file.parent.mkdir(parents=True)
    pa.csv.write_csv(pa.table(columns), file)


def write_company(folder: Path, rows: int) -> None:
    """The same rows, and two dates, in a company's dialect; and packed."""
    plain = pa.csv.read_csv(folder / "ours" / "data" / "table.csv")
    columns = {
        name: pc.replace_substring(pc.cast(plain[name], pa.string()), ".", ",")
        if "number" in name
        else plain[name]
        for name in plain.column_names
    }
    random = np.random.default_rng(1)
    for name in ("since", "seen"):
        days = pa.array(random.integers(15_000, 20_000, rows).astype("datetime64[D]"))
        columns[name] = pc.strftime(days.cast(pa.timestamp("s")), "%d.%m.%Y")
    columns["town"] = pa.array(random.choice(["Köln", "Düren"], rows))
    table = pa.table(columns)
    file = folder / "company" / "data" / "table.csv"
    file.parent.mkdir(parents=True)
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(table, sink, pa.csv.WriteOptions(delimiter=";", quoting_style="none"))
    file.write_bytes(sink.getvalue().to_pybytes().decode().encode("cp1252"))
    (folder / "packed" / "data").mkdir(parents=True)
    with (
        file.open("rb") as plain_file,
        gzip.open(folder / "packed" / "data" / "table.csv.gz", "wb") as packed,
    ):
        shutil.copyfileobj(plain_file, packed)


def measure(name: str, folder: Path) -> tuple[float, float]:
    """Seconds of the work itself (imports apart) and peak memory of a process."""
    command = [sys.executable, __file__, "--time", name, "--folder", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, memory = output.split()[-2:]
    return float(seconds), float(memory)


def report(started: float) -> None:
    """Print what `measure` reads."""
    print(time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def time_ours(folder: Path) -> None:
    """The audit, the splits and the encoding, as the component does them."""
    sys.path.insert(0, str(USE_CASE))
    import tensorflow  # noqa: F401  (imports are not what is measured)

    from solutionkit.declaration import Columns, Data, Declaration
    from solutionkit.examples.audit import audit
    from solutionkit.examples.encoding import write_splits
    from solutionkit.use_case import Project

    started = time.monotonic()
    declaration = Declaration(
        data=Data(path=next((folder / "data").iterdir())), columns=Columns(label="label")
    )
    write_splits(audit(Project(folder, declaration, USE_CASE.name)), folder / "ours")
    report(started)


def time_tfx(folder: Path) -> None:
    """CsvExampleGen by TFX's own runner."""
    from tfx import v1 as tfx

    started = time.monotonic()
    example_gen = tfx.components.CsvExampleGen(input_base=str(folder / "data"))
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite"))
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            "csv", str(folder / "tfx"), components=[example_gen], metadata_connection_config=connection
        )
    )
    report(started)


if __name__ == "__main__":
    sys.exit(main())
