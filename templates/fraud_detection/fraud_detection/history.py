"""What is computed of the transactions before each one; a column of your own goes in here.

The same function serves training and `predict`. `solutionkit check` computes all its columns again without
later transactions and without labels that were not yet known, and refuses those that change: they would see
the future.
"""

from datetime import timedelta

import pyarrow as pa

from solutionkit.declaration_parts import History
from solutionkit.modalities.events.rolling import rolling_features


def features(events: pa.Table, history: History, label_delay: timedelta) -> pa.Table:
    """The computed columns of events, in the events' order.

    Args:
        events: `time`, `card`, `merchant`, `amount`, `positive` (null while the label is not known), and the
            other columns of the data.
        history: The table [history] of use_case.toml.
        label_delay: How long after an event its label becomes known.
    """
    return rolling_features(events, history, label_delay)
