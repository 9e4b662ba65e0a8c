from pathlib import Path

import pytest

from solutionkit.errors import UserError
from solutionkit.examples.columns import SPEC_FILE, TableSpec
from solutionkit.kinds import Feature
from solutionkit.models.saved import SavedScorer
from solutionkit.tasks.classification.task import Classification


@pytest.mark.parametrize("content", [b"", b"\x08\x01\x12", b"no protocol buffer"])
def test_a_broken_model_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    spec = TableSpec(Classification("y", ("0", "1")), (Feature("size", "numeric"),))
    (tmp_path / SPEC_FILE).parent.mkdir()
    (tmp_path / SPEC_FILE).write_text(spec.to_json())
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(UserError, match=r"not a readable SavedModel .*delete the folder"):
        SavedScorer(tmp_path)
