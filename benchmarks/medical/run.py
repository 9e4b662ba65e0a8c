"""Are the recipes good on scans that nobody tuned to? As `truth`, on public sets of a folder.

make setup && .venv/bin/python benchmarks/medical/run.py [--sets NAME …] [--presets quick standard best]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "truth"))

import run as truth

if __name__ == "__main__":
    truth.FAMILIES = [Path(__file__).with_name("sets.toml")]
    sys.exit(truth.main())
