"""What TensorFlow Serving's clients may expect of any server; runs against the real one too."""

import base64
import gzip
import json
import math

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.conftest import Addresses
from serving.sample_models import half_plus_two

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


@pytest.fixture(scope="session")
def stub(server: Addresses):
    return prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(server.grpc))


@pytest.fixture(scope="session")
def models(server: Addresses):
    return model_service_pb2_grpc.ModelServiceStub(grpc.insecure_channel(server.grpc))


@pytest.fixture(scope="session")
def http(server: Addresses):
    with httpx.Client(base_url=server.rest, timeout=30, trust_env=False) as client:
        yield client


def predict_request(
    values: object, model: str = "half_plus_two", name: str = "x"
) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs[name].CopyFrom(tf.make_tensor_proto(np.asarray(values, np.float32)))
    return request


def fails(call, request) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, 20)
    return caught.value.code(), caught.value.details()


class TestPredict:
    def test_default_is_the_newest_version(self, stub) -> None:
        response = stub.Predict(predict_request([2, 4]), 20)
        assert list(response.outputs["y"].float_val) == [4.0, 5.0]
        spec = response.model_spec
        assert (spec.name, spec.version.value, spec.signature_name) == ("half_plus_two", 2, "serving_default")

    def test_version_and_label(self, stub) -> None:
        for choice in ({"version": {"value": 1}}, {"version_label": "stable"}):
            request = predict_request([2])
            request.model_spec.MergeFrom(type(request.model_spec)(**choice))
            assert stub.Predict(request, 20).outputs["y"].float_val[0] == 3.0

    def test_values_in_any_form(self, stub) -> None:
        request = predict_request([2, 2, 2])
        request.inputs["x"].CopyFrom(tf.make_tensor_proto([2.0, 2.0, 2.0]))
        packed = stub.Predict(request, 20).outputs["y"]
        request.inputs["x"].tensor_content = b""
        request.inputs["x"].float_val[:] = [2.0]
        repeated = stub.Predict(request, 20).outputs["y"]
        assert list(packed.float_val) == list(repeated.float_val) == [4.0] * 3

    def test_output_filter(self, stub) -> None:
        request = predict_request([2])
        request.output_filter.append("y")
        assert list(stub.Predict(request, 20).outputs) == ["y"]
        request.output_filter.append("nothing")
        code, message = fails(stub.Predict, request)
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert "output tensor alias not found in signature: nothing" in message

    def test_text_and_several_outputs(self, stub) -> None:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "columns"
        for name, values in {"age": np.float32([30]), "city": ["ulm"], "visits": np.int64([4])}.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
        outputs = stub.Predict(request, 20).outputs
        assert outputs["name"].string_val[0] == b"ULM"
        assert tf.make_ndarray(outputs["score"]).tolist() == [[30.0, 4.0]]

    @pytest.mark.parametrize(
        ("change", "code", "message"),
        [
            (lambda r: setattr(r.model_spec, "name", ""), "INVALID_ARGUMENT", "ModelSpec has no name"),
            (
                lambda r: setattr(r.model_spec, "name", "none"),
                "NOT_FOUND",
                "Servable not found for request: Latest",
            ),
            (lambda r: setattr(r.model_spec.version, "value", 9), "NOT_FOUND", "Servable not found"),
            (
                lambda r: setattr(r.model_spec, "version_label", "x"),
                "INVALID_ARGUMENT",
                "Unrecognized servable version label",
            ),
            (
                lambda r: setattr(r.model_spec, "signature_name", "s"),
                "FAILED_PRECONDITION",
                'Serving signature key "s" not found',
            ),
            (
                lambda r: r.inputs["z"].CopyFrom(r.inputs["x"]),
                "INVALID_ARGUMENT",
                "input size does not match signature",
            ),
            (lambda r: setattr(r.inputs["x"], "dtype", 3), "INVALID_ARGUMENT", ""),
        ],
    )
    def test_what_is_refused(self, stub, change, code: str, message: str) -> None:
        request = predict_request([2])
        change(request)
        found, said = fails(stub.Predict, request)
        assert (found.name, message in said) == (code, True), said

    def test_a_tensor_of_many_dimensions(self, stub) -> None:
        request = predict_request([2])
        for _ in range(100):
            request.inputs["x"].tensor_shape.dim.add().size = 1
        assert fails(stub.Predict, request)[0] == grpc.StatusCode.INVALID_ARGUMENT

    def test_a_tensor_larger_than_its_values_takes_no_memory(self, stub, server: Addresses) -> None:
        request = predict_request([2])
        request.inputs["x"].tensor_shape.dim[0].size = 1 << 50
        code, _ = fails(stub.Predict, request)
        assert code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_an_error_inside_the_model_fails_alone(self, stub) -> None:
        def ask(value: float):
            request = predict_request([[value, 1.0]], "columns")
            request.model_spec.signature_name = "checked"
            return stub.Predict.future(request, 20)

        calls = [ask(value) for value in (1.0, 2000.0, 3.0, 4.0)]
        assert calls[1].exception().code() == grpc.StatusCode.INVALID_ARGUMENT
        assert [tf.make_ndarray(calls[i].result().outputs["total"]).tolist() for i in (0, 2, 3)] == [
            [2.0],
            [4.0],
            [5.0],
        ]

    def test_bytes_that_are_no_message(self, server: Addresses) -> None:
        channel = grpc.insecure_channel(server.grpc)
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"\xff\xff\xff\xff", timeout=20)
        assert caught.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)
        if server.ours:
            assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT

    def test_too_large_a_request(self, stub, server: Addresses) -> None:
        if not server.ours:
            pytest.skip("limits of our own")
        code, _ = fails(stub.Predict, predict_request(np.zeros(300_000)))
        assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
        code, message = fails(stub.Predict, predict_request(np.zeros(6000)))
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert "6,000 rows in one request; at most 5,000" in message


class TestExamples:
    def fill(self, request, *values: float) -> None:
        for value in values:
            request.input.example_list.examples.add().features.feature["x"].float_list.value.append(value)

    def test_classify(self, stub) -> None:
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name, request.model_spec.signature_name = "half_plus_two", "classify_x_to_y"
        self.fill(request, 2.0, 4.0)
        rows = stub.Classify(request, 20).result.classifications
        assert [(row.classes[0].label, row.classes[0].score) for row in rows] == [("y", 4.0), ("y", 5.0)]

    def test_regress_with_context(self, stub) -> None:
        request = regression_pb2.RegressionRequest()
        request.model_spec.name, request.model_spec.signature_name = "half_plus_two", "regress_x_to_y"
        given = request.input.example_list_with_context
        given.context.features.feature["c"].float_list.value.append(10.0)
        given.examples.add().features.feature["x"].float_list.value.append(2.0)
        assert [row.value for row in stub.Regress(request, 20).result.regressions] == [14.0]

    def test_multi_inference(self, stub) -> None:
        request = inference_pb2.MultiInferenceRequest()
        for signature, method in (("regress_x_to_y", REGRESS), ("classify_x_to_y", CLASSIFY)):
            task = request.tasks.add(method_name=method)
            task.model_spec.name, task.model_spec.signature_name = "half_plus_two", signature
        self.fill(request, 2.0)
        regressed, classified = stub.MultiInference(request, 20).results
        assert regressed.regression_result.regressions[0].value == 4.0
        assert classified.classification_result.classifications[0].classes[0].score == 4.0
        assert regressed.model_spec.version.value == 2

    def test_multi_inference_of_two_models_is_refused(self, stub) -> None:
        request = inference_pb2.MultiInferenceRequest()
        for name in ("half_plus_two", "columns"):
            request.tasks.add(method_name=REGRESS).model_spec.name = name
        self.fill(request, 2.0)
        code, message = fails(stub.MultiInference, request)
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert "same model name" in message

    def test_empty_input_and_wrong_signature(self, stub) -> None:
        request = regression_pb2.RegressionRequest()
        request.model_spec.name, request.model_spec.signature_name = "half_plus_two", "regress_x_to_y"
        assert fails(stub.Regress, request) == (grpc.StatusCode.INVALID_ARGUMENT, "Input is empty.")
        self.fill(request, 2.0)
        request.model_spec.signature_name = "serving_default"
        assert fails(stub.Regress, request)[0] == grpc.StatusCode.INVALID_ARGUMENT

    def test_an_example_without_its_feature(self, stub) -> None:
        request = regression_pb2.RegressionRequest()
        request.model_spec.name, request.model_spec.signature_name = "half_plus_two", "regress_x_to_y"
        request.input.example_list.examples.add()
        code, message = fails(stub.Regress, request)
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert "x" in message
        assert "\n" not in message


class TestModels:
    def test_status(self, models) -> None:
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "half_plus_two"
        states = models.GetModelStatus(request, 20).model_version_status
        assert [(item.version, item.state, item.status.error_code) for item in states] == [
            (2, 30, 0),
            (1, 30, 0),
        ]
        request.model_spec.name = "none"
        assert fails(models.GetModelStatus, request)[0] == grpc.StatusCode.NOT_FOUND

    def test_metadata(self, stub) -> None:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = "columns"
        response = stub.GetModelMetadata(request, 20)
        known = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(known)
        assert set(known.signature_def["serving_default"].inputs) == {"age", "city", "visits"}
        request.metadata_field[:] = ["weights"]
        assert fails(stub.GetModelMetadata, request)[0] == grpc.StatusCode.INVALID_ARGUMENT
        request.metadata_field[:] = []
        assert fails(stub.GetModelMetadata, request)[0] == grpc.StatusCode.INVALID_ARGUMENT

    def test_health(self, server: Addresses) -> None:
        if not server.ours:
            pytest.skip("TensorFlow Serving needs a flag for it")
        health = health_pb2_grpc.HealthStub(grpc.insecure_channel(server.grpc))
        for name in ("", "half_plus_two", "tensorflow.serving.PredictionService"):
            assert health.Check(health_pb2.HealthCheckRequest(service=name), timeout=20).status == 1


class TestRest:
    def post(self, http: httpx.Client, path: str, body: object, **headers: str) -> tuple[int, object]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = http.post(path, content=content, headers=headers)
        return response.status_code, json.loads(response.content)

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/v1/models/half_plus_two:predict", [4.0, 5.0]),
            ("/v1/models/half_plus_two/versions/1:predict", [3.0, 4.0]),
            ("/v1/models/half_plus_two/labels/stable:predict", [3.0, 4.0]),
            ("/v1/models/half%5Fplus_two:predict", [4.0, 5.0]),
        ],
    )
    def test_predict_by_row_and_by_column(self, http, path: str, expected: list[float]) -> None:
        assert self.post(http, path, {"instances": [2, 4.0]}) == (200, {"predictions": expected})
        assert self.post(http, path, {"inputs": {"x": [2, 4.0]}}) == (200, {"outputs": expected})

    def test_named_rows_text_and_bytes(self, http) -> None:
        rows = [{"age": 30, "city": "ulm", "visits": 4}, {"age": 1.5, "city": {"b64": "4oKs"}, "visits": -1}]
        status, answer = self.post(http, "/v1/models/columns:predict", {"instances": rows})
        assert status == 200
        assert answer["predictions"][0] == {
            "score": [30.0, 4.0],
            "name": "ULM",
            "image_bytes": {"b64": base64.b64encode(b"ulm\xff").decode()},
        }
        assert answer["predictions"][1]["name"] == "€"

    def test_numbers_that_json_does_not_know(self, http) -> None:
        body = b'{"instances": [NaN, Infinity, -Infinity, 0.2]}'
        response = http.post("/v1/models/half_plus_two/versions/1:predict", content=body)
        a, b, c, d = json.loads(response.content)["predictions"]
        assert math.isnan(a)
        assert (b, c) == (math.inf, -math.inf)
        assert d == 2.1
        assert b"2.1]" in response.content.replace(b" ", b"").replace(b"\n", b"")

    def test_classify_and_regress(self, http) -> None:
        path = "/v1/models/half_plus_two:"
        body = {"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}, {"x": [4.0]}]}
        assert self.post(http, path + "classify", body) == (200, {"results": [[["y", 4.0]], [["y", 5.0]]]})
        body = {"signature_name": "regress_x_to_y", "context": {"c": 10.0}, "examples": [{"x": 2.0}]}
        assert self.post(http, path + "regress", body) == (200, {"results": [14.0]})

    def test_status_and_metadata(self, http) -> None:
        status = http.get("/v1/models/columns").json()["model_version_status"]
        assert status == [
            {"version": "7", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
        metadata = http.get("/v1/models/columns/versions/7/metadata").json()
        assert metadata["model_spec"]["version"] == "7"
        inputs = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]
        assert inputs["age"]["dtype"] == "DT_FLOAT"
        assert inputs["age"]["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}

    @pytest.mark.parametrize(
        ("path", "body", "status", "message"),
        [
            ("half_plus_two:predict", b"", 400, "The document is empty"),
            ("half_plus_two:predict", b"[1]", 400, "Is not object"),
            ("half_plus_two:predict", b'{"instances": [1', 400, "JSON Parse error"),
            ("half_plus_two:predict", b"[" * 100_000, 400, ""),
            ("half_plus_two:predict", b'{"instances": [1], "signature_name": "\\ud800"}', 400, "surrogate"),
            ("half_plus_two:predict", b"[" * 1000 + b"]" * 1000, 400, ""),
            ("columns:predict", b'{"instances": [{"a": ' + b"[" * 900 + b"]" * 900 + b"}]}", 400, ""),
            ("half_plus_two:predict", b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}", 400, ""),
            ("half_plus_two:predict", {}, 400, "Missing 'inputs' or 'instances' key"),
            ("half_plus_two:predict", {"instances": [1], "inputs": [1]}, 400, "only one of"),
            ("half_plus_two:predict", {"instances": []}, 400, "No values in 'instances'"),
            ("half_plus_two:predict", {"instances": 1}, 400, "to be an list/array"),
            ("half_plus_two:predict", {"instances": ["a"]}, 400, "not of expected type: float"),
            ("half_plus_two:predict", {"instances": [True]}, 400, "not of expected type: float"),
            ("half_plus_two:predict", {"instances": [None]}, 400, "not of expected type: float"),
            ("half_plus_two:predict", {"instances": [[1], [1, 2]]}, 400, "unexpected size"),
            ("half_plus_two:predict", {"instances": [1], "signature_name": 1}, 400, "must be a string"),
            (
                "half_plus_two:predict",
                {"instances": [1], "signature_name": "s"},
                400,
                "not found in signature def",
            ),
            (
                "columns:predict",
                {"instances": [1]},
                400,
                "list of objects as multiple input tensors required",
            ),
            ("columns:predict", {"instances": [{"age": 1}]}, 400, "Missing: {city,visits}"),
            ("columns:predict", {"inputs": {"age": [1]}}, 400, "Missing named input"),
            (
                "columns:predict",
                {"inputs": {"age": [1], "city": ["a"], "visits": [1.5]}},
                400,
                "expected type: int64",
            ),
            (
                "columns:predict",
                {"inputs": {"age": [1], "city": [{"b64": "!"}], "visits": [1]}},
                400,
                "base64",
            ),
            ("half_plus_two:regress", {"examples": []}, 400, "examples"),
            ("none:predict", {"instances": [1]}, 404, "Servable not found for request: Latest(none)"),
            ("half_plus_two/versions/9:predict", {"instances": [1]}, 404, "Servable not found"),
            (
                "half_plus_two/labels/x:predict",
                {"instances": [1]},
                400,
                "Unrecognized servable version label",
            ),
            ("half_plus_two/versions/99999999999999999999:predict", {"instances": [1]}, 400, "to numeric"),
            ("half_plus_two:explode", {"instances": [1]}, 400, "Malformed request"),
            ("..%2f..%2fetc:predict", {"instances": [1]}, 404, "Servable not found"),
        ],
    )
    def test_what_is_refused(self, http, path: str, body: object, status: int, message: str) -> None:
        found, answer = self.post(http, f"/v1/models/{path}", body)
        assert (found, message in answer["error"]) == (status, True), answer
        assert "Traceback" not in answer["error"]

    def test_a_model_that_is_not_there(self, http) -> None:
        assert http.get("/v1/models/none").status_code == 404
        assert http.get("/v1/models/none/metadata").status_code == 404
        assert http.get("/v1/models/half_plus_two/versions/9").status_code == 404

    def test_gzip(self, http) -> None:
        packed = gzip.compress(b'{"instances": [2]}')
        path = "/v1/models/half_plus_two:predict"
        headers = {"content-encoding": "gzip"}
        assert self.post(http, path, packed, **headers) == (200, {"predictions": [4.0]})
        assert self.post(http, path, b"no gzip", **headers)[0] in (400, 500)

    def test_nothing_may_follow_the_gzip_data(self, http, server: Addresses) -> None:
        if not server.ours:
            pytest.skip("limits of our own")
        body = gzip.compress(b'{"instances": [2]}') + b"more"
        path = "/v1/models/half_plus_two:predict"
        answer = http.post(path, content=body, headers={"content-encoding": "gzip"})
        assert (answer.status_code, "after the end" in answer.text) == (400, True)

    def test_a_large_body_is_read_beside_others(self, http) -> None:
        values = [0.5] * 4000
        rows = [{"age": value, "city": "somewhere far away" * 3, "visits": 1} for value in values]
        status, answer = self.post(http, "/v1/models/columns:predict", {"instances": rows})
        assert (status, len(answer["predictions"])) == (200, 4000)

    def test_limits(self, http, server: Addresses) -> None:
        if not server.ours:
            pytest.skip("limits of our own")
        path = "/v1/models/half_plus_two:predict"
        assert self.post(http, path, b" " * 1_000_001)[0] == 400
        bomb = gzip.compress(b" " * 50_000_000)
        assert self.post(http, path, bomb, **{"content-encoding": "gzip"})[0] == 400
        assert self.post(http, path, {"instances": [0] * 5001})[0] == 400
        assert http.put(path, content=b"").status_code == 405
        assert http.get("/elsewhere").status_code == 404

    def test_metrics(self, http, server: Addresses) -> None:
        http.post("/v1/models/half_plus_two:predict", content=b'{"instances": [2]}')
        page = http.get("/monitoring/prometheus/metrics").text
        assert "# TYPE :tensorflow:serving:request_count counter" in page
        assert ':tensorflow:serving:request_count{model_name="half_plus_two",status="OK"}' in page
        assert ":tensorflow:serving:request_latency_bucket{" in page
        if server.ours:
            accept = {"accept": "application/openmetrics-text"}
            page = http.get("/monitoring/prometheus/metrics", headers=accept).text
            assert ":tensorflow:serving:request_count_total{" in page
            assert page.endswith("# EOF\n")


def test_both_apis_agree(stub, http) -> None:
    values = np.random.default_rng(0).normal(size=300).astype(np.float32)
    request = predict_request(values)
    request.model_spec.version_label = "stable"
    over_grpc = tf.make_ndarray(stub.Predict(request, 20).outputs["y"])
    body = json.dumps({"instances": values.tolist()})
    over_rest = http.post("/v1/models/half_plus_two/labels/stable:predict", content=body).json()[
        "predictions"
    ]
    np.testing.assert_array_equal(over_grpc, np.float32(over_rest))
    np.testing.assert_allclose(over_grpc, half_plus_two(values), rtol=1e-6)
