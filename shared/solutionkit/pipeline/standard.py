"""TFX's components that must know what the columns are: they read it from the schema when they run.

So the graph can be built without the data at hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator import executor as evaluator
from tfx.components.transform import component as transform_component
from tfx.components.transform import executor as transform
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts, standard_component_specs
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import json_utils, proto_utils

from solutionkit.examples.columns import SERVING_FOLDER, TableSpec
from solutionkit.examples.schema import specification_of
from solutionkit.splits import EVAL

Artifacts = dict[str, list[Any]]


def _specification(inputs: Artifacts) -> TableSpec:
    (schema,) = inputs[standard_component_specs.SCHEMA_KEY]
    return specification_of(Path(schema.uri))


class _TransformExecutor(transform.Executor):
    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:  # noqa: N802 - TFX's name
        key = standard_component_specs.CUSTOM_CONFIG_KEY
        config = {**json_utils.loads(exec_properties[key]), "spec": _specification(input_dict).to_json()}
        super().Do(input_dict, output_dict, {**exec_properties, key: json_utils.dumps(config)})


class Transform(transform_component.Transform):
    """TFX's Transform, whose `preprocessing_fn` finds the specification in `custom_config["spec"]`."""

    EXECUTOR_SPEC = BeamExecutorSpec(_TransformExecutor)


class _EvaluatorSpec(ComponentSpec):
    PARAMETERS: ClassVar = {
        "thresholds": ExecutionParameter(type=str),
        "slices": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {
        name: ChannelParameter(type=kind)
        for name, kind in (
            (standard_component_specs.EXAMPLES_KEY, standard_artifacts.Examples),
            (standard_component_specs.MODEL_KEY, standard_artifacts.Model),
            (standard_component_specs.BASELINE_MODEL_KEY, standard_artifacts.Model),
            (standard_component_specs.SCHEMA_KEY, standard_artifacts.Schema),
        )
    }
    OUTPUTS: ClassVar = {
        standard_component_specs.EVALUATION_KEY: ChannelParameter(type=standard_artifacts.ModelEvaluation),
        standard_component_specs.BLESSING_KEY: ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class _EvaluatorExecutor(evaluator.Executor):
    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:  # noqa: N802 - TFX's name
        from solutionserve.further_ops import register_ops_of

        for name in (standard_component_specs.MODEL_KEY, standard_component_specs.BASELINE_MODEL_KEY):
            for model in input_dict.get(name, []):
                register_ops_of(Path(model.uri) / SERVING_FOLDER)
        config = eval_config(
            _specification(input_dict),
            json.loads(exec_properties["thresholds"]),
            json.loads(exec_properties["slices"]),
        )
        # Without the schema: labels and slices are read from the tf.Examples as they are.
        read = {
            name: items for name, items in input_dict.items() if name != standard_component_specs.SCHEMA_KEY
        }
        properties = {
            standard_component_specs.EVAL_CONFIG_KEY: proto_utils.proto_to_json(config),
            standard_component_specs.EXAMPLE_SPLITS_KEY: json_utils.dumps([EVAL]),
        }
        super().Do(read, output_dict, properties)


class Evaluator(BaseBeamComponent):
    """TFX's Evaluator (TFMA) of the evaluation rows, with the metrics that the task has.

    Args:
        examples: Channel of Examples.
        model: Channel of the model that is judged.
        baseline_model: Channel of the model that it is judged against.
        schema: Channel of the schema that carries the specification.
        thresholds: Bounds by metric.
        slices: Columns by whose values rows are sliced, where these are texts.
        code: Hash of the sources that decide.
    """

    SPEC_CLASS = _EvaluatorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(_EvaluatorExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel,
        baseline_model: BaseChannel,
        schema: BaseChannel,
        thresholds: dict[str, float],
        slices: list[str],
        code: str,
    ) -> None:
        super().__init__(
            _EvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                schema=schema,
                thresholds=json.dumps(thresholds, sort_keys=True),
                slices=json.dumps(slices),
                code=code,
                evaluation=Channel(type=standard_artifacts.ModelEvaluation),
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )


def eval_config(spec: TableSpec, thresholds: dict[str, float], slices: list[str]) -> config_pb2.EvalConfig:
    """TFMA's configuration: the deep model against the baseline, overall and by slice.

    Args:
        spec: What the columns are.
        thresholds: Bounds by metric; those of which TFMA has no version are the comparison's alone.
        slices: Columns by whose values rows are sliced, where these are texts.
    """
    metrics = []
    for metric in spec.task.evaluator_metrics():
        metrics.append(config_pb2.MetricConfig(class_name=metric.tfma))
        if (bound := thresholds.get(metric.name)) is not None:
            side = "lower_bound" if metric.higher_is_better else "upper_bound"
            threshold = config_pb2.GenericValueThreshold(**{side: {"value": bound}})
            metrics[-1].threshold.value_threshold.CopyFrom(threshold)
    metrics.append(config_pb2.MetricConfig(class_name="ExampleCount"))
    sliced = [name for name in slices if spec.is_text(name)]
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                name=name,
                signature_name="serving_default",
                label_key=spec.label,
                prediction_key=spec.task.output if spec.further else "",
                model_type="tf_generic",
                is_baseline=name == "baseline",
            )
            for name in ("deep", "baseline")
        ],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[name]) for name in sliced),
        ],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )
