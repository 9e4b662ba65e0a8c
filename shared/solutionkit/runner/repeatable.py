"""What makes a node give the same again, wherever it runs: Beam's shuffles and batches."""

from __future__ import annotations

import random

from absl import flags  # type: ignore[import-untyped]


def make_repeatable(node: str) -> None:
    """Fix what chance and the clock would decide in a node.

    Beam shuffles with Python's generator, and would size batches by the clock; sums over other orders and
    other batches differ in their last bits, so that the same data, code and seed gave another network.

    Args:
        node: Its name; each has a sequence of its own.
    """
    import tfx_bsl.coders.batch_util  # noqa: F401 - defines the flag

    flags.FLAGS.set_default("tfxio_use_byte_size_batching", True)
    random.seed(node)
