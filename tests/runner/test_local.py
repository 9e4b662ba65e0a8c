"""What makes runs the same whenever data, code and seed are."""

import pytest

from solutionkit.runner.local import fix_batches

pytestmark = pytest.mark.slow


def test_batches_are_not_sized_by_the_clock() -> None:
    from tfx_bsl.coders.batch_util import GetBatchElementsKwargs

    fix_batches()
    found = GetBatchElementsKwargs(None)
    assert found["min_batch_size"] == found["max_batch_size"]
