"""`posture-console` as a real process with an environment of its own."""

import asyncio
import subprocess
import sys
from pathlib import Path


class Console:
    """Runs verbs against the master at `address`; `home` is all that the process knows of this machine."""

    def __init__(self, address: str, home: Path) -> None:
        self.address, self.home = address, home

    async def __call__(self, *words: str, connect: bool = True) -> subprocess.CompletedProcess[str]:
        given = [*words, *(("--connect", self.address) if connect else ())]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from posture_console.cli import main; main()",
            *given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home), "TZ": "UTC"},
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return subprocess.CompletedProcess(given, process.returncode or 0, out.decode(), err.decode())
