"""Names and texts that mislead: forged log lines, halves of characters, odd versions, no models."""

from __future__ import annotations

import http.client
import json
import time

from benchmarks.hostile import rest
from benchmarks.hostile.attack import Scene, attack
from benchmarks.hostile.messages import MODEL, PREDICTION, send
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2, predict_pb2
from tensorflow_serving.config import model_server_config_pb2

FORGED = "2001-01-01 00:00:00,000 I forged"
NAMES = [f"a\n{FORGED}", f"a\r{FORGED}", f"a\u2028{FORGED}", f"a\x85{FORGED}", f"a\x1b[2K\x1b[G{FORGED}"]


@attack("reload-nothing", "a reload over the network with an empty list of models", spoils=True)
def reload_nothing(scene: Scene) -> None:
    """What unloads every model, if it is believed."""
    request = model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.SetInParent()
    send(scene, MODEL + "HandleReloadConfigRequest", [request.SerializeToString()])


@attack(
    "forged-lines",
    "names with newlines in requests and in a reload: is there a forged line in the log?",
    spoils=True,
)
def forged_lines(scene: Scene) -> None:
    """Lines in the log that the server did not write."""
    config = text_format.Parse(scene.config.read_text(), model_server_config_pb2.ModelServerConfig())
    reload = model_management_pb2.ReloadConfigRequest(config=config)
    for name in NAMES:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = request.model_spec.signature_name = name
        send(scene, PREDICTION + "Predict", [request.SerializeToString()])
        # One that cannot be found, and one that can: what is told of either may name it.
        for number, folder in enumerate((f"/nowhere/{name}", str(scene.config.parent / "half_plus_two"))):
            reload.config.model_config_list.config.add(
                name=f"{number}{name}", base_path=folder, model_platform="tensorflow"
            )
        send(scene, MODEL + "HandleReloadConfigRequest", [reload.SerializeToString()])
    for name in NAMES:
        quoted = "".join(f"%{byte:02x}" for byte in name.encode())
        body = json.dumps({"instances": [1.0], "signature_name": name}).encode()
        for target in (
            f"{quoted}:predict",
            f"half_plus_two/labels/{quoted}:predict",
            "half_plus_two:predict",
        ):
            rest.post(scene, target, [body])
        rest.post(scene, "half_plus_two:predict", [body], headers={"content-encoding": "a\tb"})
    # The server looks at its folders every second.
    time.sleep(1.5)
    for line in scene.log.read_bytes().replace(b"\r", b"\n").splitlines():
        if line.startswith(FORGED.encode()) or b"\x1b" in line:
            scene.fault(f"in the log: {line[:100]!r}")


@attack("odd-versions", "versions with zeros before them, and beyond every range, by REST")
def odd_versions(scene: Scene) -> None:
    """Numbers that are cut short or read another way than written."""
    for version, right in (("1", True), ("0" * 22 + "1", True), ("2" * 40, False), ("1" + "0" * 19, False)):
        for method, end in (("POST", ":predict"), ("GET", ""), ("GET", "/metadata")):
            path = f"/v1/models/half_plus_two/versions/{version}{end}"
            status = ask(scene, method, path.encode(), b'{"instances":[1.0]}')
            if (status == 200) != right:
                scene.fault(f"{method} {path}: {status}")


@attack("half-characters", "lone surrogates, escaped and as bytes, in keys, values and names, by REST")
def half_characters(scene: Scene) -> None:
    """Text that cannot be written as UTF-8."""
    for half in (
        rb"\ud800",
        rb"\uDFFF",
        rb"\udc00\ud800",
        b"\xed\xa0\x80",
        b"\xff",
        b"\xc0\x80",
        b"\0",
        rb"\u0000",
    ):
        for body in (
            b'{"instances":["%s"]}',
            b'{"instances":[{"%s":1}]}',
            b'{"inputs":{"%s":[1]}}',
            b'{"%s":1,"instances":[1]}',
            b'{"signature_name":"%s","instances":[1]}',
            b'{"signature_name":"serving_default","inputs":{"x":"%s"}}',
            b'{"inputs":{"city":["%s"],"age":[1],"visits":[1]}}',
            b'{"signature_name":"classify_x_to_y","examples":[{"x":1.0,"%s":1}]}',
            b'{"signature_name":"classify_x_to_y","examples":[{"x":"%s"}]}',
            b'{"signature_name":"classify_x_to_y","context":{"%s":[]},"examples":[{"x":1.0}]}',
            b'{"instances":[{"b64":"%s"}]}',
        ):
            for model, verb in (
                ("half_plus_two", "predict"),
                ("columns", "predict"),
                ("half_plus_two", "classify"),
            ):
                ask(scene, "POST", f"/v1/models/{model}:{verb}".encode(), body % half)


def ask(scene: Scene, method: str, path: bytes, body: bytes) -> int:
    """Send a request by REST and note the status; returns it."""
    connection = http.client.HTTPConnection(scene.host, scene.rest, timeout=30)
    try:
        connection.request(method, path.decode("latin-1"), body if method == "POST" else None)
        scene.sent += len(path) + len(body)
        response = connection.getresponse()
        rest.note(scene, response)
        return response.status
    except (OSError, http.client.HTTPException) as error:
        scene.got[type(error).__name__] += 1
        return 0
    finally:
        connection.close()
