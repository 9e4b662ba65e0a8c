"""How far a piece of work is, and how long it will take."""

import pytest

from solutionkit.progress import Progress, TimeLeft, listening


def test_listeners_hear_shares_while_they_listen() -> None:
    heard: list[float] = []
    progress = Progress(8)
    progress.step()
    with listening(heard.append):
        progress.step()
        progress.step(2)
        # What is not needed after all is no part of the whole.
        progress.skip(2)
        progress.step()
        progress.step(9)
    progress.step()
    assert heard == [2 / 8, 4 / 8, 4 / 6, 5 / 6, 1.0]


def test_nobody_listens_after_an_error() -> None:
    heard: list[float] = []
    with pytest.raises(ZeroDivisionError), listening(heard.append):
        raise ZeroDivisionError
    Progress(1).step()
    assert heard == []


def test_the_time_left_in_words() -> None:
    now = [0.0]
    left = TimeLeft(lambda: now[0])
    assert left.words(0.0) == left.words(0.01) == ""
    now[0] = 60.0
    assert left.words(0.25) == "25%, about 3 min left"
    assert left.words(0.75) == "75%, about 20 s left"
    assert left.words(1.0) == "finishing"
