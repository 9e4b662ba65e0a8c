"""What the backend hands over, recorded by its own formats, and what TFX gets of it."""

import copy
from typing import Any

from solutionkit.runner.kubeflow.executor_input import adapted, answered, elsewhere, local_path

ROOT = "s3://bucket/demo/demo/run"
# As `driver/container.go` writes it: the input's type is lost, structs are wrapped, a log is added.
RECEIVED: dict[str, Any] = {
    "inputs": {
        "artifacts": {
            "examples": {
                "artifacts": [
                    {
                        "name": "42",
                        "type": {"instanceSchema": ""},
                        "uri": f"{ROOT}/row-example-gen/u/examples",
                        "metadata": {
                            "split_names": '["train", "eval"]',
                            "blessed": 1.0,
                            "spans": {"list": [1, 2]},
                            "notes": {"struct": {"a": 1}},
                            "display_name": "examples",
                            "store_session_info": '{"Provider": "s3"}',
                        },
                    }
                ]
            }
        },
        "parameterValues": {"seed": 3},
    },
    "outputs": {
        "artifacts": {
            "model": {
                "artifacts": [
                    {
                        "name": "model",
                        "type": {"instanceSchema": "title: tfx.Model\ntype: object\n"},
                        "uri": f"{ROOT}/trainer/u/model",
                    }
                ]
            },
            "executor-logs": {
                "artifacts": [
                    {"name": "executor-logs", "type": {"schemaTitle": "system.Artifact"}, "uri": f"{ROOT}/l"}
                ]
            },
        },
        "outputFile": "/s3/bucket/demo/demo/run/trainer/u/output_metadata.json",
    },
}
SPECIFIED = {
    "artifacts": {"examples": {"artifactType": {"instanceSchema": "title: tfx.Examples\ntype: object\n"}}}
}


def test_addresses_are_where_the_launcher_keeps_them() -> None:
    assert local_path("s3://bucket/key") == "/s3/bucket/key"
    assert local_path("gs://bucket/key") == "/gcs/bucket/key"
    assert local_path("minio://bucket/key") == "/minio/bucket/key"
    assert local_path("/models/demo") == "/models/demo"


def test_what_tfx_gets() -> None:
    before = copy.deepcopy(RECEIVED)
    found = adapted(RECEIVED, SPECIFIED, ["model"])
    assert before == RECEIVED
    (examples,) = found["inputs"]["artifacts"]["examples"]["artifacts"]
    assert examples["type"] == SPECIFIED["artifacts"]["examples"]["artifactType"]
    assert examples["uri"] == "/s3/bucket/demo/demo/run/row-example-gen/u/examples"
    assert examples["metadata"] == {
        "split_names": '["train", "eval"]',
        "blessed": 1.0,
        "spans": [1, 2],
        "notes": {"a": 1},
    }
    assert list(found["outputs"]["artifacts"]) == ["model"]
    assert found["outputs"]["outputFile"] == RECEIVED["outputs"]["outputFile"]
    assert found["inputs"]["parameterValues"] == {"seed": 3}


def test_workers_elsewhere_read_and_write_in_the_store() -> None:
    assert elsewhere(["--runner=FlinkRunner", "--x=1"])
    assert elsewhere(["--x", "--runner", "FlinkRunner"])
    assert not elsewhere(["--runner=DirectRunner"])
    assert not elsewhere([])
    found = adapted(RECEIVED, SPECIFIED, ["model"], remote=True)
    (examples,) = found["inputs"]["artifacts"]["examples"]["artifacts"]
    assert examples["uri"] == f"{ROOT}/row-example-gen/u/examples"


def test_a_node_without_inputs() -> None:
    found = adapted({"inputs": {}, "outputs": {"outputFile": "/tmp/o"}}, {}, [])
    assert found["inputs"]["artifacts"] == {}


def test_what_the_backend_gets() -> None:
    written = {
        "artifacts": {
            "model": {
                "artifacts": [
                    {
                        "name": "",
                        "uri": "/s3/bucket/demo/demo/run/trainer/u/model",
                        "metadata": {"tfx_version": "1.21.0", "span": None},
                    }
                ]
            }
        }
    }
    found = answered(written, RECEIVED)
    (model,) = found["artifacts"]["model"]["artifacts"]
    assert model["uri"] == f"{ROOT}/trainer/u/model"
    assert model["metadata"] == {"tfx_version": "1.21.0"}
