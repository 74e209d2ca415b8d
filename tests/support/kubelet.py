"""What a cluster's nodes would do with the stand-in API's Jobs: run the worker of each as a process, with its key."""

import threading
from pathlib import Path

from support.kube_api import KubeApi
from support.processes import Program, our_program

EXTRA = ["--threads", "1"]


class Kubelets:
    """Looks at the Jobs each 50 ms, as all nodes at once. `load` is the script of every worker."""

    def __init__(self, api: KubeApi, folder: Path, *, load: str) -> None:
        self._api, self._folder = api, folder
        self.workers: dict[str, Program] = {}
        self._load = folder / "worker.load"
        self._load.write_text(load)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            with self._api.lock:
                jobs = dict(self._api.jobs)
            for name, job in jobs.items():
                if name not in self.workers:
                    self._begin(name, job)
            for name, program in self.workers.items():
                if name not in jobs and program.alive:
                    program.signal(15)
                elif name in jobs and not program.alive:
                    jobs[name]["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}

    def _begin(self, name: str, job: dict) -> None:
        words = job["spec"]["template"]["spec"]["containers"][0]["args"]
        if "--key" in words:
            if name not in self._api.secrets:
                return  # as a kubelet that waits for the volume
            key = self._folder / f"{name}.key"
            key.touch(mode=0o600)
            key.write_text(self._api.secrets[name]["stringData"]["worker.key"])
            words = [*words[:-1], str(key)]
        command = [*our_program("posture-agent"), *words, *EXTRA, "--load", f"script:{self._load}"]
        self.workers[name] = Program(command, folder=self._folder, name=name).start()
        self._api.run_pod(job)

    def end(self) -> None:
        self._stop.set()
        self._thread.join(5)
        for program in self.workers.values():
            program.end()
