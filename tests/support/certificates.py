"""Certificates for tests, made by openssl: an authority, a server's certificate by it, and a stranger's authority."""

import subprocess
from pathlib import Path


def make_certificates(folder: Path, server: str = "broker") -> None:
    """`authority.crt`, `stranger.crt`, and `<server>.crt` with `<server>.key`, which is good for 127.0.0.1 alone."""
    for name in ("authority", "stranger"):
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"),
        )
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1\n")
    _openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={server}"),
        *("-keyout", folder / f"{server}.key", "-out", folder / f"{server}.csr"),
    )
    _openssl(
        *("x509", "-req", "-in", folder / f"{server}.csr", "-CA", folder / "authority.crt"),
        *("-CAkey", folder / "authority.key", "-CAcreateserial", "-days", "2"),
        *("-extfile", folder / "extensions", "-out", folder / f"{server}.crt"),
    )


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
