"""TLS and mTLS on both APIs."""

import subprocess
from pathlib import Path

import pytest

from serving.served import X, server_output
from solutionserve.client import Client, ClientError, ClientTls
from solutionserve.embedded import running

pytestmark = pytest.mark.slow


class TestTls:
    @pytest.fixture(scope="class")
    def pem(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """An authority, a server's pair and a client's pair, made by openssl."""
        folder = tmp_path_factory.mktemp("pem")

        def openssl(*arguments: str) -> None:
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

        openssl(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "2",
            "-subj",
            "/CN=test authority",
        )
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
        for name in ("server", "client"):
            openssl(
                "req",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                f"{name}.key",
                "-out",
                f"{name}.csr",
                "-subj",
                f"/CN={name}",
            )
            openssl(
                "x509",
                "-req",
                "-in",
                f"{name}.csr",
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-out",
                f"{name}.pem",
                "-days",
                "2",
                "-extfile",
                "names",
            )
        return folder

    def ssl_config(self, pem: Path, verify: bool) -> Path:
        file = pem / f"ssl-{verify}.config"
        lines = [
            f"{key}: {(pem / name).read_text()!r}"
            for key, name in (
                ("server_key", "server.key"),
                ("server_cert", "server.pem"),
                ("custom_ca", "ca.pem"),
            )
        ]
        file.write_text("\n".join([*lines, f"client_verify: {str(verify).lower()}"]))
        return file

    @pytest.mark.parametrize("verify", [False, True])
    def test_both_apis(self, pem: Path, base: Path, verify: bool) -> None:
        known = ClientTls(pem / "ca.pem", pem / "client.pem", pem / "client.key")
        unknown = ClientTls(pem / "ca.pem")
        with running(
            "--model_name=m", f"--model_base_path={base}", f"--ssl_config_file={self.ssl_config(pem, verify)}"
        ) as server:
            for address in (server.grpc, server.rest.replace("http:", "https:")):
                with Client(address, "m", tls=known) as client:
                    assert client.predict(X)["y"] == [3.0]
                with Client(address, "m", tls=unknown, retries=0, timeout=5) as client:
                    if verify:
                        with pytest.raises(ClientError):
                            client.predict(X)
                    else:
                        assert client.predict(X)["y"] == [3.0]
            with Client(server.grpc, "m", retries=0, timeout=3) as plain, pytest.raises(ClientError):
                plain.predict(X)

    def test_incomplete_files(self, tmp_path: Path, base: Path) -> None:
        file = tmp_path / "ssl.config"
        file.write_text('server_key: "a"')
        code, said = server_output(f"--model_base_path={base}", f"--ssl_config_file={file}")
        assert (code, "server_key and server_cert must both" in said) == (1, True)
