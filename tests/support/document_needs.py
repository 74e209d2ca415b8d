"""What blocks of the documents need, by their first line `# needs …`: what a test machine can have, and what not."""

import re
from collections.abc import Iterator

from support.postgres import Postgres
from support.servers import find_program, lacking

NEEDS = re.compile(r"# needs (.+)\n")
_SITE = """
mkdir -p site ~/.config/posture
printf 'listener 1883 127.0.0.1\\nallow_anonymous true\\n' > site/mosquitto.conf
cat > ~/.config/posture/site.toml <<END
[master]
data_dir = "$PWD/site/data"
[master.broker]
host = "127.0.0.1"
[worker]
master = "tcp://127.0.0.1:5570"
[publisher]
pi_id = "pi1"
source = "synthetic"
[publisher.broker]
host = "127.0.0.1"
END
mosquitto -c site/mosquitto.conf &
posture-agent master &
posture-publisher run &
curl --silent --show-error --retry 90 --retry-delay 1 --retry-connrefused --output site/health 127.0.0.1:9470/healthz
"""
_KEY = """
export POSTURE_KEYS_DIR="$PWD/keys"
posture-agent keys create me --role operator
mv keys/me.key me.key
"""
_COMMIT = (
    "git -c user.name=maintainer -c user.email=maintainer@example.org commit --quiet --allow-empty --message 'A change'"
)
_SIGNING = f"""
mkdir -p ~/.ssh
ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
git init --quiet
git config user.name maintainer
git config user.email maintainer@example.org
{_COMMIT}
"""
_RELEASE = """
printf 'maintainer %s\\n' "$(cat ~/.ssh/id_ed25519.pub)" > release/allowed_signers
cd release
"""
_OLD_CLONE = f"""
git init --quiet old
cd old
printf 'password = "sesame"\\n' > subscriber.py
git add subscriber.py
{_COMMIT}
"""
PROVIDED = {
    "a running site": _SITE,
    "a running master": _SITE,
    "a key from the master": _KEY + _SITE,
    "a PostgreSQL": "",
    "a signing key": _SIGNING,
    "a release": _RELEASE,
    "a clone of the old repository": _OLD_CLONE,
}
"""What is made for a block before it is run."""
NOT_HERE = {
    "a browser",
    "a cluster",
    "a fresh Debian machine, root and a network",
    "a Jetson with docker, and a key from the master",
    "a Raspberry Pi",
    "a terminal",
    "docker or buildah",
    "K3s",
    "root",
    "root and a network",
    "root and mosquitto",
    "root and some minutes for the download",
    "root and systemd",
    "some minutes for the download",
    "the environment from above",
    "Ubuntu 22.04 and root",
}
"""What no test machine should be asked for, or tests of their own see to."""
_TOOLS = {"curl": "curl", "git": "git", "ssh-keygen": "openssh-client"}
# 1 is the answer of a program that works: the thing asked about is not well.
_ASKING = re.compile(r"^(posture-\w+ [^\n#]*?\b(?:doctor|status)\b[^\n#]*)", re.MULTILINE)


def need(block: str) -> str | None:
    """What the block says that it needs."""
    found = NEEDS.match(block)
    return found[1] if found else None


def script(block: str) -> str:
    """The block with what it needs, in a shell of its own that leaves nothing running."""
    wanted = need(block)
    if wanted is None:
        return block
    asked = _ASKING.sub(r"\1 || test $? = 1 ", block)
    end = "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"
    return f"(\n{end}\n{PROVIDED[wanted]}\n{asked}\n)\n"


def require_tools(text: str) -> None:
    """Skip, or fail where servers are required, when a tool that is used is not here."""
    for tool in _used(text):
        if find_program(tool) is None:
            lacking(_TOOLS[tool], f"{tool} is not installed")


def _used(text: str) -> Iterator[str]:
    for tool in _TOOLS:
        if re.search(rf"^{tool}\b", text, re.MULTILINE):
            yield tool


def with_stand_ins(text: str, postgres: Postgres | None) -> str:
    """The addresses of the documents' examples become those of this machine."""
    text = text.replace("192.168.1.10", "127.0.0.1")
    return text.replace("db.example:5432/postgres", postgres.url.partition("@")[2]) if postgres else text
