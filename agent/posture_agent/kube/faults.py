"""What can go wrong between the master and the API server, as one error with a sentence and what it means."""

from typing import Final, Literal

Kind = Literal["denied", "conflict", "absent", "busy", "refused", "failed", "unreachable"]

_KINDS: Final[dict[int, Kind]] = {
    401: "denied",
    403: "denied",
    404: "absent",
    409: "conflict",
    410: "absent",
    422: "refused",
    400: "refused",
    429: "busy",
}
_MEANING: Final[dict[int, str]] = {
    401: "Kubernetes does not know this ServiceAccount or its token has expired: renew the kubeconfig",
    403: "the ServiceAccount may not do this: apply the Role of manifests/base",
    410: "what was asked for is too old for Kubernetes: it is read afresh",
    429: "Kubernetes asks for patience",
}


class KubeError(Exception):
    """A request that did not succeed. `retry_s`: the server's own wish for when to try again."""

    def __init__(self, sentence: str, kind: Kind, *, status: int = 0, retry_s: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence, self.kind, self.status, self.retry_s = sentence, kind, status, retry_s


def of_status(status: int, asked: str, message: str, retry_after: str | None) -> KubeError:
    """The error of an answer that is not a success. `asked` is `GET nodes`; `message` is the server's own."""
    said = f": {message}" if message else ""
    meaning = f" ({_MEANING[status]})" if status in _MEANING else ""
    kind = _KINDS.get(status, "failed")
    return KubeError(
        f"{asked} was answered with {status}{said}{meaning}", kind, status=status, retry_s=_wait(retry_after)
    )


def of_silence(asked: str, why: str, address: str) -> KubeError:
    """The error of a request without an answer. `why` may be what TLS says, in several lines."""
    if "SSL" in why:
        told = why.strip().splitlines()[-1].partition("] ")[2].partition(" (_ssl")[0] or "TLS failed"
        why = f"{told} (see server and certificate-authority in the kubeconfig)"
    return KubeError(f"{address} does not answer {asked}: {why}", "unreachable")


def _wait(retry_after: str | None) -> float | None:
    try:
        return None if retry_after is None else max(0.0, min(300.0, float(retry_after)))
    except ValueError:  # a date; the usual backoff serves
        return None
