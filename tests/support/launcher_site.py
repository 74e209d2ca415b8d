"""A launcher of Jobs against the stand-in for the API server, with a placement that is a set of nodes."""

from posture_agent.kube.cluster import Cluster
from posture_agent.kube.launcher import Launcher
from posture_agent.kube.settings import KubeSettings
from posture_agent.kube.worker_keys import NoKeys
from posture_shared.records import WorkerState


class Site:
    """A launcher with a placement that is a set of nodes."""

    def __init__(self, api, folder, *, keys=None, **settings):
        self.desired, self.failed, self.alarms, self.joined, self.telemetry = set(), [], {}, [], {}
        given = KubeSettings(
            enabled=True,
            kubeconfig=api.kubeconfig(folder),
            master="tcp://10.0.0.1:5570",
            request_timeout_s=settings.pop("request_timeout_s", 2.0),
            **settings,
        )
        self.cluster = Cluster(given)
        self.launcher = Launcher(
            given,
            self.cluster,
            site="orin",
            keys=keys or NoKeys(),
            desired=lambda: self.desired,
            workers=lambda: self.joined,
            on_failed=self._failed,
            measured=self.telemetry.get,
            on_alarm=lambda kind, subject, text: self.alarms.update({(kind, subject): text}),
        )

    def _failed(self, name, why):
        self.failed.append((name, why))
        self.desired.discard(name)
        self.launcher.stop(name)

    def want(self, name, generation=1):
        self.desired.add(name)
        self.launcher.launch(name, generation)

    def unwant(self, name):
        self.desired.discard(name)
        self.launcher.stop(name)

    def join(self, job):
        words = job["spec"]["template"]["spec"]["containers"][0]["args"]
        instance = words[words.index("--instance") + 1]
        on = words[words.index("--node-name") + 1]
        worker = WorkerState(
            node=on, instance=instance, local=False, state="ready", version="1", threads=1, model="full", mode="image"
        )
        self.joined.append(worker)
