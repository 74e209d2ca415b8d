"""A stand-in for the Kubernetes API server: keeps what is created, answers as told where something is to go wrong."""

import json
import threading
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

NAMESPACE = "posture"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"


def node(name, *, ready=True, cores="4", memory="8Gi", arch="arm64", taints=(), cordoned=False):
    return {
        "metadata": {"name": name, "labels": {"role": "worker"}},
        "spec": {"taints": list(taints), "unschedulable": cordoned},
        "status": {
            "allocatable": {"cpu": cores, "memory": memory, "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True" if ready else "Unknown"}],
            "nodeInfo": {"architecture": arch},
        },
    }


def pod_on(name, cpu="0", memory="0", job="", phase="Running", **status):
    return {
        "metadata": {
            "name": f"pod-{uuid.uuid4().hex[:6]}",
            "creationTimestamp": now(),
            "labels": {"job-name": job} if job else {},
        },
        "spec": {"nodeName": name, "containers": [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}]},
        "status": {"phase": phase, **status},
    }


def now():
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class KubeApi:
    """`fail[(verb, kind)] = (status, headers)` answers so; `slow[(verb, kind)]` does one late, yet carries it out."""

    def __init__(self):
        self.nodes: list[dict[str, Any]] = []
        self.pods: list[dict[str, Any]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, Any]] = {}
        self.usage: dict[str, str] | None = None
        self.events: list[dict[str, Any]] = []
        self.denied: set[str] = set()
        """Rights that a review denies, as `create jobs.batch`."""
        self.fail: dict[tuple[str, str], tuple[int, dict[str, str]]] = {}
        self.hang_s = 0.0
        self.slow: dict[tuple[str, str], float] = {}
        self.dead: set[str] = set()
        """Nodes on which nobody carries out a pod's deletion."""
        self.hidden: set[str] = set()
        """Jobs that a list does not show."""
        self.token = "a-token"
        self.cut = False
        """Answers to GET end in the middle, and the connection with them."""
        self.asked: list[tuple[str, str]] = []
        self.lock = threading.RLock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def handle_one(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                with suppress(OSError):
                    api.answer(self, body)

            do_GET = do_POST = do_DELETE = handle_one  # noqa: N815 - as the base class has it

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def kubeconfig(self, folder):
        file = folder / "kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "mock",
            "clusters": [{"name": "mock", "cluster": {"server": self.url}}],
            "users": [{"name": "mock", "user": {"token": "a-token"}}],
            "contexts": [{"name": "mock", "context": {"cluster": "mock", "user": "mock"}}],
        }
        file.write_text(yaml.safe_dump(content))
        return file

    def run_pod(self, job, phase="Running", **status):
        """What the Job controller and a kubelet would do: a pod of the Job, in this state."""
        labels = dict(job["spec"]["template"]["metadata"]["labels"]) | {"job-name": job["metadata"]["name"]}
        pod = {
            "metadata": {"name": f"{job['metadata']['name']}-abcde", "creationTimestamp": now(), "labels": labels},
            "spec": {
                "nodeName": job["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/hostname"],
                "containers": job["spec"]["template"]["spec"]["containers"],
            },
            "status": {"phase": phase, **status},
        }
        with self.lock:
            self.pods = [one for one in self.pods if one["metadata"]["name"] != pod["metadata"]["name"]] + [pod]
        return pod

    def answer(self, request, body):
        parts = urlsplit(request.path)
        query = parse_qs(parts.query)
        kind = next((k for k in ("jobs", "secrets", "pods", "nodes", "events") if f"/{k}" in parts.path), "?")
        kind = next((k for k in ("version", "selfsubjectaccessreviews") if parts.path.endswith(k)), kind)
        kind = "usage" if "metrics.k8s.io" in parts.path else "log" if parts.path.endswith("/log") else kind
        self.asked.append((request.command, kind))
        time.sleep(self.hang_s or self.slow.pop((request.command, kind), 0.0))
        if self.cut and request.command == "GET":
            request.send_response(200)
            request.send_header("Content-Length", "1000")
            request.end_headers()
            request.wfile.write(b'{"items": [')
            request.close_connection = True
            return None
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return say(request, 401, {"message": "Unauthorized"})
        if kind == "version":
            return say(request, 200, {"gitVersion": "v1.31.2+k3s1"})
        if kind == "selfsubjectaccessreviews":
            return say(request, 201, self.review(body))
        with self.lock:
            trouble = self.fail.get((request.command, kind)) or self.fail.get((request.command, "*"))
            if trouble:
                status, headers = trouble
                return say(request, status, {"kind": "Status", "message": f"told to say {status}"}, headers)
            return self.carry_out(request, kind, parts.path, query, body)

    def review(self, body):
        asked = body["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (asked["resource"], asked["subresource"])))
        words = f"{asked['verb']} {resource}" + (f".{asked['group']}" if asked["group"] else "")
        return {**body, "status": {"allowed": words not in self.denied}}

    def about(self, query):
        (named,) = query["fieldSelector"]
        return {"items": [one for one in self.events if named == f"involvedObject.name={one['about']}"]}

    def carry_out(self, request, kind, path, query, body):  # noqa: C901, PLR0911 - one for each request
        name = path.rpartition("/")[2]
        if request.command == "POST" and kind in ("jobs", "secrets"):
            store = self.jobs if kind == "jobs" else self.secrets
            if body["metadata"]["name"] in store:
                return say(request, 409, {"message": "already exists"})
            made = {**body, "metadata": {**body["metadata"], "uid": str(uuid.uuid4()), "creationTimestamp": now()}}
            if "dryRun" not in query:
                store[body["metadata"]["name"]] = made
            return say(request, 201, made)
        if request.command == "DELETE" and kind == "jobs":
            if self.jobs.pop(name, None) is None:
                return say(request, 404, {"message": "not found"})
            self.secrets.pop(name, None)
            ours = [pod for pod in self.pods if pod["metadata"]["labels"].get("job-name") == name]
            for pod in ours:
                pod["metadata"] |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
            self.pods = [pod for pod in self.pods if pod not in ours or pod["spec"]["nodeName"] in self.dead]
            return say(request, 200, {})
        if request.command == "DELETE" and kind == "pods":
            self.pods = [pod for pod in self.pods if pod["metadata"]["name"] != name]
            return say(request, 200, {})
        if kind == "log":
            return say(request, 200, None, text="one line\nand another\n")
        if kind == "events":
            return say(request, 200, self.about(query))
        if kind == "usage" and self.usage is None:
            return say(request, 404, {"message": "the server could not find the requested resource"})
        wanted = dict(pair.split("=") for pair in query.get("labelSelector", [""])[0].split(",") if pair)
        items = {
            "nodes": self.nodes,
            "pods": self.pods,
            "jobs": [job for name, job in self.jobs.items() if name not in self.hidden],
            "usage": [{"metadata": {"name": n}, "usage": {"cpu": c}} for n, c in (self.usage or {}).items()],
        }[kind]
        chosen = [one for one in items if wanted.items() <= (one["metadata"].get("labels") or {}).items()]
        return say(request, 200, {"items": items if kind == "usage" else chosen})


def say(request, status, body, headers=None, text=None):
    content = text.encode() if text is not None else json.dumps(body).encode()
    request.send_response(status)
    for name, value in (headers or {}).items():
        request.send_header(name, value)
    request.send_header("Content-Type", "application/json" if text is None else "text/plain")
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)
