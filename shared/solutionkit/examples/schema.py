"""The TFDV schema: read into features, and written from features."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from solutionkit.errors import UserError
from solutionkit.examples.columns import Feature, TableSpec

FILE_NAME = "schema.pbtxt"
COMPUTED = "computed"


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
        fraction = item.presence.min_fraction if item.HasField("presence") else 0.0
        if item.HasField("image_domain"):
            continue
        if item.HasField("shape") and len(item.shape.dim) == 2:
            shape = tuple(int(dimension.size) for dimension in item.shape.dim)
            features.append(
                Feature(item.name, "sequence", min_fraction=fraction, shape=shape, computed=is_computed(item))
            )
        elif item.type == schema_pb2.BYTES:
            domain = tuple(item.string_domain.value) or domains.get(item.domain, ())
            mass = item.distribution_constraints.min_domain_mass
            computed = is_computed(item)
            features.append(Feature(item.name, "categorical", domain, mass, fraction, computed=computed))
        else:
            features.append(Feature(item.name, "numeric", min_fraction=fraction, computed=is_computed(item)))
    return features


def is_computed(item: schema_pb2.Feature) -> bool:
    """Whether a schema's column was computed of the rows before."""
    return COMPUTED in item.annotation.tag


def label_of(schema: schema_pb2.Schema, declared: str) -> str:
    """The column that a schema states as the label: the only one of class ids, else the declared one."""
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

    The label is stated as the integer class id that the encoder writes.
    """
    schema = schema_pb2.Schema()
    for feature in spec.features:
        numeric = feature.kind in {"numeric", "sequence"}
        item = schema.feature.add(name=feature.name, type=schema_pb2.FLOAT if numeric else schema_pb2.BYTES)
        item.presence.min_fraction = feature.min_fraction
        if feature.computed:
            item.annotation.tag.append(COMPUTED)
        if feature.kind == "sequence":
            item.presence.min_count = 1
            for size in feature.shape:
                item.shape.dim.add(size=size)
        else:
            item.value_count.min = item.value_count.max = 1
        if feature.kind == "image":
            item.image_domain.SetInParent()
        elif not numeric:
            item.string_domain.name = feature.name
            item.string_domain.value.extend(feature.domain)
            item.distribution_constraints.min_domain_mass = feature.min_domain_mass
    label = schema.feature.add(name=spec.label, type=schema_pb2.INT)
    label.value_count.min = label.value_count.max = 1
    label.presence.min_fraction = 1.0
    label.int_domain.min, label.int_domain.max = 0, len(spec.classes) - 1
    label.int_domain.is_categorical = True
    for name in spec.passengers:
        item = schema.feature.add(name=name, type=schema_pb2.BYTES)
        item.value_count.min = item.value_count.max = 1
        if name == spec.mask:
            item.image_domain.SetInParent()
    return schema


def schema_text(schema: schema_pb2.Schema) -> str:
    """A schema in text format."""
    return text_format.MessageToString(schema, as_utf8=True)
