import pytest

from solutionserve.model import first_line


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("a sentence.\n\t [[{{node x}}]]", "a sentence."),
        ("{{function_node __inference_f_12}} {{function_node __inference_g}} a sentence", "a sentence"),
        ("{{function_node f}} assertion failed: [too large] [Condition x < y] [x = ] [1]", "too large"),
        ("[_Derived_] no {{marks}} of TensorFlow's", "[_Derived_] no {{marks}} of TensorFlow's"),
    ],
)
def test_an_error_says_its_own_sentence(message: str, said: str) -> None:
    assert first_line(message) == said
