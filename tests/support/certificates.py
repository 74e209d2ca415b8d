"""A certificate authority for tests, by openssl; its certificates may have expired."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

CONFIGURATION = """
[ca]
default_ca = own
[own]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
certificate = {folder}/authority.crt
private_key = {folder}/authority.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[names]
subjectAltName = IP:127.0.0.1
"""


class Authority:
    """`file` is what clients trust; all certificates are for 127.0.0.1 and share `key`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.file, self.key = folder / "authority.crt", folder / "server.key"
        (folder / "index").touch()
        (folder / "serial").write_text("01\n")
        (folder / "ca.cnf").write_text(CONFIGURATION.format(folder=folder))
        own = folder / "authority.key"
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=authority",
                 "-keyout", own, "-out", self.file)  # fmt: skip
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server", "-keyout", self.key,
                 "-out", folder / "server.csr")  # fmt: skip

    def certificate(self, name: str, *, days: int = 10) -> Path:
        """A certificate that is valid until `days` from now; negative: since then not any more."""
        file = self._folder / f"{name}.crt"
        end = datetime.now(UTC) + timedelta(days=days)
        begin = min(end, datetime.now(UTC)) - timedelta(days=2)
        _openssl("ca", "-batch", "-config", self._folder / "ca.cnf", "-in", self._folder / "server.csr", "-out", file,
                 "-startdate", f"{begin:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}", "-notext",
                 "-extensions", "names")  # fmt: skip
        return file


def make_certificates(folder: Path, server: str = "broker") -> None:
    """`authority.crt`, `<server>.crt` and `<server>.key` by it, and `stranger.crt` of another authority."""
    own, stranger = Authority(folder / "authority"), Authority(folder / "stranger")
    made = {"authority.crt": own.file, f"{server}.crt": own.certificate(server), f"{server}.key": own.key}
    for name, file in {**made, "stranger.crt": stranger.file}.items():
        shutil.copyfile(file, folder / name)


def _openssl(*words: str | Path) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
