"""The TFDV schema: read into features, and written from features."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from google.protobuf import text_format, wrappers_pb2
from tensorflow_metadata.proto.v0 import schema_pb2

from solutionkit.errors import UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import KINDS, Feature, kind_of

FILE_NAME = "schema.pbtxt"
COMPUTED, LABEL = "computed", "label"
# A column that is no feature and goes along for the comparison.
METADATA = "metadata"


def load_schema(file: Path) -> schema_pb2.Schema:
    """Parse a text-format schema.

    Raises:
        UserError: The file is missing or not a schema.
    """
    try:
        return text_format.Parse(file.read_text("utf-8"), schema_pb2.Schema())
    except FileNotFoundError:
        raise UserError(f"{file}: no such file; see 'schema' under [data].") from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not a TFDV schema: {error}.") from None


def features_of(schema: schema_pb2.Schema, but: set[str]) -> list[Feature]:
    """The model features that a schema states, without the columns in `but`."""
    domains = {domain.name: tuple(domain.value) for domain in schema.string_domain}
    features = []
    for item in schema.feature:
        if item.name in but or is_left_out(item):
            continue
        domain = tuple(item.string_domain.value) or domains.get(item.domain, ())
        stated = [kind.read_schema(item, domain) for kind in KINDS.values()]
        fraction = item.presence.min_fraction if item.HasField("presence") else 0.0
        features += [
            dataclasses.replace(feature, min_fraction=fraction, computed=is_computed(item))
            for feature in stated
            if feature
        ]
    return features


def is_computed(item: schema_pb2.Feature) -> bool:
    """Whether a schema's column was computed of the rows before."""
    return COMPUTED in item.annotation.tag


def label_of(schema: schema_pb2.Schema, declared: str) -> str:
    """The column that a schema states as the label, or its only one of class ids, else the declared one."""
    tagged = [item.name for item in schema.feature if LABEL in item.annotation.tag]
    if tagged:
        return str(tagged[0])
    ids = [item.name for item in schema.feature if item.type == schema_pb2.INT]
    return ids[0] if len(ids) == 1 else declared


def is_left_out(item: schema_pb2.Feature) -> bool:
    """Whether a schema names a column only to say that no model reads it."""
    return bool(item.lifecycle_stage == schema_pb2.DISABLED)


def left_out(schema: schema_pb2.Schema) -> dict[str, str]:
    """The columns that a schema leaves out, with the reason."""
    return {
        item.name: "; ".join(item.annotation.comment) or "disabled in the schema"
        for item in schema.feature
        if is_left_out(item)
    }


def frozen_schema(spec: TableSpec) -> schema_pb2.Schema:
    """The schema that makes a curated one of an inferred specification.

    It names the columns left out as well, because a curated schema must know every column of the data.
    """
    schema = build_schema(spec)
    known = {item.name: item for item in schema.feature}
    for name, reason in spec.ignored.items():
        item = known[name] if name in known else schema.feature.add(name=name, type=schema_pb2.BYTES)
        item.lifecycle_stage = schema_pb2.DISABLED
        item.annotation.comment.append(reason)
    return schema


def build_schema(spec: TableSpec) -> schema_pb2.Schema:
    """The schema of the tf.Examples that a specification describes.

    The label is stated as the encoder writes it.
    """
    schema = schema_pb2.Schema()
    for feature in spec.features:
        item = schema.feature.add(name=feature.name)
        item.presence.min_fraction = feature.min_fraction
        if feature.computed:
            item.annotation.tag.append(COMPUTED)
        kind_of(feature).write_schema(feature, item)
    label = schema.feature.add(name=spec.label)
    label.value_count.min = label.value_count.max = 1
    label.presence.min_fraction = 1.0
    label.annotation.tag.append(LABEL)
    spec.task.write_schema(label)
    files = {feature.name: feature for feature in spec.metadata_files}
    for name in spec.metadata_columns:
        item = schema.feature.add(name=name, type=schema_pb2.BYTES)
        item.annotation.tag.append(METADATA)
        item.value_count.min = item.value_count.max = 1
        if name in files:
            kind_of(files[name]).write_schema(files[name], item)
    return schema


def with_specification(spec: TableSpec) -> schema_pb2.Schema:
    """The schema that also carries the specification, so that TFX's own components pass it on."""
    schema = build_schema(spec)
    (label,) = (item for item in schema.feature if LABEL in item.annotation.tag)
    label.annotation.extra_metadata.add().Pack(wrappers_pb2.StringValue(value=spec.to_json()))
    return schema


def specification_of(folder: Path) -> TableSpec:
    """The specification that a Schema artifact carries."""
    schema = load_schema(folder / FILE_NAME)
    (label,) = (item for item in schema.feature if LABEL in item.annotation.tag)
    packed = wrappers_pb2.StringValue()
    label.annotation.extra_metadata[0].Unpack(packed)
    return TableSpec.from_json(packed.value)


def schema_text(schema: schema_pb2.Schema) -> str:
    """A schema in text format."""
    return text_format.MessageToString(schema, as_utf8=True)
