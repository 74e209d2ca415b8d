"""The rim: requests to the API server by the official client, each in a thread with a timeout, JSON in and out.

The client is loaded when it is first used (it takes most of a second and 60 MB). Nothing here decides anything.
"""

import asyncio
import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from posture_agent.kube import faults
from posture_agent.kube.faults import KubeError
from posture_agent.kube.nodes import Object
from posture_agent.kube.quantity import amount
from posture_agent.kube.rights import Right
from posture_agent.kube.settings import KubeSettings

log = logging.getLogger("posture.kube")

_POD_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_MAX_LOG_BYTES: Final = 200_000
_GRACEFUL: Final = {"propagationPolicy": "Background"}


class Cluster:
    """One cluster, one namespace. Every method raises KubeError where it does not succeed."""

    def __init__(self, settings: KubeSettings) -> None:
        self._settings = settings
        self._api: Any = None
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="kube")
        self.address = "the Kubernetes API"

    def close(self) -> None:
        """End the threads; requests under way are left to their timeouts."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def forget(self) -> None:
        """Read the credentials again at the next request: a token may have been renewed."""
        self._api = None

    # Reading.

    async def nodes(self) -> Sequence[Object]:
        """The nodes with the label of workers."""
        return await self._list("/api/v1/nodes", labelSelector=self._settings.node_selector)

    async def every_pod(self) -> Sequence[Object]:
        """Every pod that still holds what it reserved, in all namespaces."""
        return await self._list("/api/v1/pods", fieldSelector="status.phase!=Succeeded,status.phase!=Failed")

    async def usage(self) -> dict[str, float]:
        """Cores in use by node; empty where the cluster measures none."""
        try:
            items = await self._list("/apis/metrics.k8s.io/v1beta1/nodes")
        except KubeError as error:
            if error.kind in ("absent", "failed"):  # no metrics server, or one that is not up
                return {}
            raise
        return {str(item["metadata"]["name"]): amount(item["usage"]["cpu"]) for item in items}

    async def jobs(self, selector: str) -> Sequence[Object]:
        """The Jobs with these labels."""
        return await self._list(self._path("batch/v1", "jobs"), labelSelector=selector)

    async def pods(self, selector: str) -> Sequence[Object]:
        """The pods with these labels."""
        return await self._list(self._path("v1", "pods"), labelSelector=selector)

    async def events(self, name: str) -> Sequence[Object]:
        """What happened to the object of that name."""
        return await self._list(self._path("v1", "events"), fieldSelector=f"involvedObject.name={name}")

    async def log(self, pod: str, *, lines: int) -> str:
        """The last lines that the pod's program wrote."""
        path = f"{self._path('v1', 'pods')}/{pod}/log"
        return (await self._ask("GET", path, {"tailLines": lines, "limitBytes": _MAX_LOG_BYTES})).decode(
            errors="replace"
        )

    async def version(self) -> Object:
        """What the API server says of itself; `gitVersion` is `v1.31.2+k3s1`."""
        return self._object(await self._ask("GET", "/version", {}))

    async def may(self, right: Right) -> bool:
        """Whether the account in use has this right."""
        resource, _, part = right.resource.partition("/")
        asked = {"verb": right.verb, "group": right.group, "resource": resource, "subresource": part}
        if right.namespaced:
            asked["namespace"] = self._settings.namespace
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._object(await self._ask("POST", path, {}, review))
        return bool((answer.get("status") or {}).get("allowed"))

    # Changing.

    async def create_job(self, job: Object, *, dry_run: bool = False) -> Object:
        """The Job as the server took it; with `dry_run` it only checks."""
        query = {"dryRun": "All"} if dry_run else {}
        return self._object(await self._ask("POST", self._path("batch/v1", "jobs"), query, job))

    async def create_secret(self, secret: Object) -> Object:
        """The Secret as the server took it."""
        return self._object(await self._ask("POST", self._path("v1", "secrets"), {}, secret))

    async def delete_job(self, name: str) -> None:
        """Delete a Job; its pods get SIGTERM. One that is not there is deleted already."""
        await self._delete(f"{self._path('batch/v1', 'jobs')}/{name}", _GRACEFUL)

    async def force_pod(self, name: str) -> None:
        """Forget a pod whose node does not answer."""
        await self._delete(f"{self._path('v1', 'pods')}/{name}", {"gracePeriodSeconds": 0})

    # Requests.

    def _path(self, group: str, kind: str) -> str:
        root = "/api/v1" if group == "v1" else f"/apis/{group}"
        return f"{root}/namespaces/{self._settings.namespace}/{kind}"

    async def _list(self, path: str, **query: Any) -> Sequence[Object]:
        items = self._object(await self._ask("GET", path, query)).get("items")
        return items if isinstance(items, list) else []

    async def _delete(self, path: str, options: Object) -> None:
        try:
            await self._ask("DELETE", path, {}, options)
        except KubeError as error:
            if error.kind != "absent":
                raise

    async def _ask(self, verb: str, path: str, query: Mapping[str, Any], body: Object | None = None) -> bytes:
        ask: Callable[[], bytes] = lambda: self._ask_now(verb, path, query, body)  # noqa: E731 - named for its type
        patience_s = 2 * self._settings.request_timeout_s + 5  # the first request loads the client
        try:
            return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._threads, ask), patience_s)
        except TimeoutError:
            raise faults.of_silence(_asked(verb, path), "no answer in time", self.address) from None

    def _ask_now(self, verb: str, path: str, query: Mapping[str, Any], body: Object | None) -> bytes:
        import urllib3  # noqa: PLC0415 - comes with the client
        from kubernetes.client.exceptions import OpenApiException  # noqa: PLC0415 - see the module

        asked = _asked(verb, path)
        try:
            api = self._client()
            request = api.param_serialize(
                verb,
                path,
                query_params=list(query.items()),
                header_params={"Accept": "application/json, */*", "Content-Type": "application/json"},
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = api.call_api(*request, _request_timeout=self._settings.request_timeout_s)
            content: bytes = answer.read()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise faults.of_silence(asked, _short(error), self.address) from None
        except OpenApiException as error:  # what the client makes of TLS that fails
            raise faults.of_silence(asked, str(getattr(error, "reason", error)), self.address) from None
        if not 200 <= answer.status < 300:
            raise faults.of_status(answer.status, asked, _message(content), answer.headers.get("Retry-After"))
        return content

    def _object(self, content: bytes) -> dict[str, Any]:
        try:
            found = json.loads(content)
        except ValueError:
            raise KubeError(f"{self.address} does not answer as Kubernetes does", "failed") from None
        return found if isinstance(found, dict) else {}

    def _client(self) -> Any:
        if self._api is None:
            self._api = self._connected()
        return self._api

    def _connected(self) -> Any:
        from kubernetes import client, config  # noqa: PLC0415 - see the module

        given, settings = self._settings, client.Configuration()
        try:
            if given.kubeconfig is None and given.context is None and _POD_TOKEN.exists():
                config.load_incluster_config(client_configuration=settings)
            else:
                file = None if given.kubeconfig is None else str(given.kubeconfig.expanduser())
                config.load_kube_config(file, context=given.context, client_configuration=settings)
        except (config.ConfigException, OSError, ValueError, KeyError) as error:
            raise KubeError(f"no way to Kubernetes: {error}; set kube.kubeconfig", "denied") from None
        settings.retries = False  # what to do about a failure is decided above, not here
        if not settings.verify_ssl:
            log.warning("event=kube_unverified the kubeconfig says not to check the API server's certificate")
            warnings.filterwarnings("ignore", message="Unverified HTTPS request")  # said once, not at each request
        self.address = str(settings.host)
        return client.ApiClient(settings)


def _asked(verb: str, path: str) -> str:
    kind = path.partition("/namespaces/")[2].partition("/")[2] or path.rpartition("/")[2]
    return f"{verb} {kind}"


def _message(body: Any) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def _short(error: BaseException) -> str:
    return (str(error).rpartition(": ")[2] or type(error).__name__)[:200]
