"""The server as a process: configuration, versions and logs."""

import os
import shutil
import threading
import time
from pathlib import Path

import grpc
import httpx
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
)

from serving.served import X, eventually, push, server_output, versions
from solutionserve.client import Client, ClientError
from solutionserve.configuration import parse_models
from solutionserve.embedded import running
from solutionserve.errors import Code, ServingError

# As /proc/net/tcp and tcp6 write a listening socket's state, 127.0.0.1, ::1 and ::ffff:127.0.0.1.
LISTENING = "0A"
LOOPBACK = {
    "0100007F",
    "00000000000000000000000001000000",
    "0000000000000000FFFF00000100007F",
}
pytestmark = pytest.mark.slow


def loaded(rest: str) -> bool:
    return httpx.get(f"{rest}/v1/models/m/metadata", trust_env=False).status_code == 200


def test_new_versions_go_live_and_old_ones_leave_without_a_failed_request(
    base: Path, sample_models: Path
) -> None:
    with running("--model_name=m", f"--model_base_path={base}", "--enable_batching") as server:
        errors: list[Exception] = []
        answers: set[float] = set()
        stop = threading.Event()

        def load() -> None:
            with Client(server.grpc, "m", retries=0) as client:
                while not stop.is_set():
                    try:
                        answers.add(float(client.predict(X)["y"][0]))
                    except Exception as error:
                        errors.append(error)

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        with Client(server.grpc, "m") as client:
            for number in range(2, 6):
                push(sample_models, base, number, like=1 + number % 2)
                eventually(lambda number=number: versions(client).get(number) == "AVAILABLE")
                eventually(lambda number=number: versions(client)[number - 1] == "END")
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors
    assert answers == {3.0, 4.0}


def test_a_version_that_does_not_load_leaves_the_old_one(base: Path, sample_models: Path) -> None:
    with (
        running("--model_name=m", f"--model_base_path={base}") as server,
        Client(server.grpc, "m") as client,
    ):
        (base / "2").mkdir()
        (base / "2" / "saved_model.pb").write_bytes(b"nothing")
        eventually(lambda: versions(client).get(2) == "END")
        assert "saved_model.pb" in next(item.error for item in client.status() if item.version == 2)
        assert client.predict(X)["y"] == [3.0]
        # Once it is whole it is tried again.
        shutil.rmtree(base / "2")
        push(sample_models, base, 2, like=2)
        eventually(lambda: versions(client).get(2) == "AVAILABLE")


def write_warm_up(version: Path, signature: str) -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(X["x"]))
    log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
    with tf.io.TFRecordWriter(str(version / "assets.extra/tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())


def test_a_failing_warm_up_keeps_a_version_from_serving(
    base: Path, tmp_path: Path, sample_models: Path
) -> None:
    drafts = [tmp_path / name for name in ("damaged", "wrong", "good")]
    for draft in drafts:
        shutil.copytree(sample_models / "half_plus_two/2", draft)
        (draft / "assets.extra").mkdir()
    damaged, wrong, good = drafts
    (damaged / "assets.extra/tf_serving_warmup_requests").write_bytes(b"no records at all" * 10)
    write_warm_up(wrong, "no_such_signature")
    write_warm_up(good, "serving_default")
    with running("--model_name=m", f"--model_base_path={base}") as server, Client(server.grpc, "m") as client:
        for number, draft, error in ((2, damaged, "damaged"), (3, wrong, "no_such_signature")):
            draft.rename(base / str(number))
            eventually(lambda number=number: versions(client).get(number) == "END")
            assert error in client.status()[0].error
            assert client.predict(X)["y"] == [3.0]
        good.rename(base / "4")
        eventually(lambda: client.predict(X)["y"] == [4.0])


CONFIG = """model_config_list {{ config {{ name: "m" base_path: "{base}" model_platform: "tensorflow"
  model_version_policy {{ {policy} }} {labels} }} }}"""


def label(name: str, version: int) -> str:
    return f'version_labels {{ key: "{name}" value: {version} }}'


class TestConfiguration:
    @pytest.fixture
    def three(self, base: Path, sample_models: Path) -> Path:
        for number in (2, 3):
            push(sample_models, base, number, like=2)
        return base

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "models.config"

    def test_policies_and_labels_from_a_file_that_changes(self, three: Path, file: Path) -> None:
        file.write_text(CONFIG.format(base=three, policy="latest { num_versions: 2 }", labels=""))
        flags = [f"--model_config_file={file}", "--model_config_file_poll_wait_seconds=1"]
        with running(*flags) as server, Client(server.grpc, "m") as client:
            assert versions(client) == {3: "AVAILABLE", 2: "AVAILABLE"}
            file.write_text(CONFIG.format(base=three, policy="all {}", labels=label("stable", 3)))
            eventually(lambda: versions(client).get(1) == "AVAILABLE")
            with Client(server.grpc, "m", label="stable") as stable:
                eventually(lambda: stable.predict(X)["y"] == [4.0])
                file.write_text(
                    CONFIG.format(
                        base=three, policy="specific { versions: 1 versions: 3 }", labels=label("stable", 1)
                    )
                )
                eventually(lambda: versions(client)[2] == "END")
                assert stable.predict(X)["y"] == [3.0]
                assert stable.answered_by == 1
                # A damaged or empty file changes nothing.
                file.write_text("")
                time.sleep(1.5)
                file.write_text("model_config_list {")
                time.sleep(1.5)
                assert stable.predict(X)["y"] == [3.0]
            assert "Error parsing text-format tensorflow.serving.ModelServerConfig" in server.log.read_text()

    def test_reload_over_grpc(self, three: Path, file: Path) -> None:
        file.write_text(CONFIG.format(base=three, policy="latest { num_versions: 1 }", labels=""))
        with running(f"--model_config_file={file}") as server, Client(server.grpc, "m") as client:
            stub = model_service_pb2_grpc.ModelServiceStub(grpc.insecure_channel(server.grpc))

            def reload(text: str) -> None:
                stub.HandleReloadConfigRequest(
                    model_management_pb2.ReloadConfigRequest(config=parse_models(text, "")), 30
                )

            def refused(text: str) -> str:
                with pytest.raises(grpc.RpcError) as caught:
                    reload(text)
                return f"{caught.value.code().name}: {caught.value.details()}"

            wanted = CONFIG.format(base=three, policy="specific { versions: 1 versions: 3 }", labels="")
            reload(wanted)
            # It returns when the versions are there.
            assert versions(client) == {3: "AVAILABLE", 1: "AVAILABLE"}
            early = CONFIG.format(base=three, policy="all {}", labels=label("canary", 2))
            assert "FAILED_PRECONDITION: Request to assign label canary to version 2" in refused(early)
            assert "absolute path" in refused(wanted.replace(str(three), "models/m"))
            assert "unsupported platform" in refused(wanted.replace('"tensorflow"', '"caffe"'))
            twice = wanted.replace(
                "model_config_list {", "model_config_list { config { name: 'm' base_path: '/a' }"
            )
            assert "multiple times" in refused(twice)
            logging = "logging_config { log_collector_config { filename_prefix: '/tmp/x' } sampling_config { sampling_rate: 1 } } }"
            assert "PERMISSION_DENIED" in refused(
                wanted.replace("model_version_policy", f"{logging[:-1]} model_version_policy")
            )
            assert "INVALID_ARGUMENT" in refused("")
            assert versions(client) == {3: "AVAILABLE", 1: "AVAILABLE"}
            nowhere = wanted.replace('"m"', '"new"').replace(str(three), "/nowhere")
            assert "none of the models has a version on disk" in refused(nowhere)
            reload(CONFIG.format(base=three, policy="all {}", labels="").replace('"m"', '"other"'))
            with pytest.raises(ClientError) as caught:
                client.predict(X)
            assert caught.value.code == Code.NOT_FOUND

    def test_what_stops_the_start(self, three: Path, file: Path, tmp_path: Path) -> None:
        file.write_text("improperly formatted file")
        code, said = server_output(f"--model_config_file={file}")
        assert (code, "Error parsing text-format tensorflow.serving.ModelServerConfig" in said) == (1, True)
        assert server_output(f"--model_config_file={tmp_path / 'none'}")[0] == 1
        code, said = server_output("--model_name=m")
        assert "--model_base_path or --model_config_file is needed" in said
        file.write_text(CONFIG.format(base=three, policy="all {}", labels=label("stable", 3)))
        code, said = server_output(f"--model_config_file={file}")
        assert (code, "--allow_version_labels_for_unavailable_models" in said) == (1, True)
        assert "Traceback" not in said

    def test_a_port_that_is_taken(self, three: Path) -> None:
        with running("--model_name=m", f"--model_base_path={three}") as server:
            port = server.grpc.split(":")[1]
            code, said = server_output(f"--model_base_path={three}", f"--port={port}")
            assert (code, f"cannot listen on localhost:{port}" in said) == (1, True)

    def test_unknown_flags_and_folders_are_no_obstacle(self, tmp_path: Path, sample_models: Path) -> None:
        with running(
            "--model_name=m",
            f"--model_base_path={tmp_path / 'later'}",
            "--use_magic=true",
            "--grpc_max_threads=4",
        ) as server:
            assert "--use_magic=true is unknown" in server.log.read_text()
            with Client(server.grpc, "m", retries=0) as client:
                with pytest.raises(ClientError):
                    client.status()
                push(sample_models, tmp_path / "later", 1)
                eventually(lambda: loaded(server.rest))
                assert client.predict(X)["y"] == [3.0]

    def test_mount(self, three: Path, file: Path) -> None:
        file.write_text(CONFIG.format(base="/models/m", policy="all {}", labels=""))
        with (
            running(f"--model_config_file={file}", f"--mount=/models={three.parent}") as server,
            Client(server.grpc, "m") as client,
        ):
            assert len(versions(client)) == 3
        file.write_text(CONFIG.format(base="/models/../../etc", policy="all {}", labels=""))
        code, said = server_output(f"--model_config_file={file}", f"--mount=/models={three.parent}")
        assert (code, "outside" in said) == (1, True)


def test_the_request_log_can_warm_up_the_next_version(
    base: Path, tmp_path: Path, sample_models: Path
) -> None:
    config = tmp_path / "models.config"
    logging = f"logging_config {{ log_collector_config {{ filename_prefix: '{tmp_path}/log/m' }} sampling_config {{ sampling_rate: 1.0 }} }}"
    config.write_text(CONFIG.format(base=base, policy="latest { num_versions: 1 }", labels=logging))
    with running(f"--model_config_file={config}") as server:
        for address in (server.grpc, server.rest):
            with Client(address, "m") as client:
                client.predict(X)
    (file,) = (tmp_path / "log").iterdir()
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(file))
    ]
    assert [tf.make_ndarray(log.predict_log.request.inputs["x"]).tolist() for log in logs] == [[2.0], [2.0]]
    assert [tf.make_ndarray(log.predict_log.response.outputs["y"]).tolist() for log in logs] == [[3.0], [3.0]]
    assert logs[0].log_metadata.model_spec.version.value == 1
    draft = base.parent / "draft"
    shutil.copytree(sample_models / "half_plus_two" / "2", draft)
    (draft / "assets.extra").mkdir(exist_ok=True)
    shutil.copy(file, draft / "assets.extra/tf_serving_warmup_requests")
    draft.rename(base / "2")
    with running("--model_name=m", f"--model_base_path={base}") as server, Client(server.grpc, "m") as client:
        assert versions(client) == {2: "AVAILABLE"}


def test_a_pipe_in_place_of_a_graph_stops_no_loads(base: Path, sample_models: Path) -> None:
    with (
        running("--model_name=m", f"--model_base_path={base}") as server,
        Client(server.grpc, "m") as client,
    ):
        (base / "2").mkdir()
        os.mkfifo(base / "2" / "saved_model.pb")
        eventually(lambda: versions(client).get(2) == "END")
        assert "neither a file nor a folder" in next(
            item.error for item in client.status() if item.version == 2
        )
        push(sample_models, base, 3, like=2)
        eventually(lambda: versions(client).get(3) == "AVAILABLE")


def test_half_a_version_is_not_there_yet(base: Path, sample_models: Path) -> None:
    shutil.copytree(sample_models / "half_plus_two" / "2" / "variables", base / "2" / "variables")
    with running("--model_name=m", f"--model_base_path={base}") as server, Client(server.grpc, "m") as client:
        assert versions(client) == {1: "AVAILABLE"}
        assert client.predict(X)["y"] == [3.0]


def test_deadlines(base: Path) -> None:
    with running("--model_name=m", f"--model_base_path={base}", "--rest_api_timeout_in_ms=0") as server:
        answer = httpx.post(f"{server.rest}/v1/models/m:predict", json={"instances": [2]}, trust_env=False)
        assert (answer.status_code, answer.json()["error"]) == (504, "no answer within 0 s")


def test_a_socket_and_loopback_only(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with running("--model_name=m", f"--model_base_path={base}", f"--grpc_socket_path={path}") as server:
        with Client(f"unix:{path}", "m") as client:
            assert client.predict(X)["y"] == [3.0]
        ports = [f":{int(address.rsplit(':')[-1]):04X}" for address in (server.grpc, server.rest)]
        bound = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{server.process.pid}/net/{table}").read_text().splitlines()[1:]:
                local, state = line.split()[1], line.split()[3]
                if state == LISTENING and local[-5:] in ports:
                    bound.add(local[:-5])
        assert bound
        assert bound <= LOOPBACK


def test_batching_files_that_make_no_sense(tmp_path: Path, base: Path) -> None:
    from solutionserve.configuration import read_batching

    file = tmp_path / "batching.config"
    for text, message in (
        ("max_batch_size { value: 0 }", "must be positive"),
        ("allowed_batch_sizes: 4 allowed_batch_sizes: 2", "must increase"),
        ("pad_variable_length_inputs: true", "not supported"),
        ("max_batch { value: 1 }", "no field named"),
    ):
        file.write_text(text)
        with pytest.raises(ServingError, match=message):
            read_batching(file)
