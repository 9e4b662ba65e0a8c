"""What tf.Transform makes of raw columns, through its real analyzers."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature
from solutionkit.models.arrays import raw_feature_spec
from solutionkit.tasks.classification.task import Classification
from solutionkit.transform.tabular import preprocessing_fn

SPEC = TableSpec(
    Classification("y", ("0", "1")),
    (
        Feature("age", "numeric"),
        Feature("city", "categorical", ("Bonn", "Ulm")),
        Feature("plan", "categorical", ("Ulm",)),
    ),
)
ROWS = [
    {"age": [10.0], "city": ["Ulm"], "plan": ["Ulm"]},
    {"age": [20.0], "city": ["Bonn"], "plan": []},
    {"age": [30.0], "city": ["Köln"], "plan": ["Bonn"]},
    {"age": [], "city": [], "plan": ["Ulm"]},
]


@pytest.fixture(scope="module")
def transformed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("transform")
    features = raw_feature_spec(SPEC)
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(features))
    with tft_beam.Context(temp_dir=str(folder / "temp")):
        _, function = (ROWS, metadata) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: preprocessing_fn(inputs, SPEC)
        )
        _ = function | tft_beam.WriteTransformFn(str(folder / "graph"))
    layer = tft.TFTransformOutput(str(folder / "graph")).transform_features_layer()
    examples = []
    for row in ROWS:
        example = tf.train.Example()
        for name, values in row.items():
            if values and isinstance(values[0], float):
                example.features.feature[name].float_list.value.extend(values)
            elif values:
                example.features.feature[name].bytes_list.value.extend(value.encode() for value in values)
        examples.append(example.SerializeToString())
    parsed = tf.io.parse_example(examples, features)
    return {name: value.numpy() for name, value in layer(parsed).items()}


def test_numbers_stay_as_they_are_and_missing_ones_missing(transformed: dict[str, np.ndarray]) -> None:
    numeric = transformed["numeric"][:, 0]
    assert numeric[:3].tolist() == [10.0, 20.0, 30.0]
    assert np.isnan(numeric[3])


def test_each_column_has_ids_of_its_own(transformed: dict[str, np.ndarray]) -> None:
    # 0 missing, 1 never seen, then the domain.
    assert transformed["categorical"].tolist() == [[3, 2], [2, 0], [1, 1], [0, 2]]
