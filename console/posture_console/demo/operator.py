"""The demo's operator: overrules the policy once, as somebody at the console would, and is obeyed."""

from posture_console.demo import plan
from posture_console.headless.posture import commanded
from posture_console.headless.visit import visit
from posture_console.links.endpoint import parse_endpoint
from posture_console.links.master_link import MasterLink
from posture_console.settings import Target

_PATIENCE_S = 10.0


def overrule(control_port: int) -> None:
    """Send one camera to the node that the policy did not choose.

    Raises:
        Stop: the master does not answer, or refuses.
    """
    target = Target(parse_endpoint(f"tcp://127.0.0.1:{control_port}"), key=None, name=None, theme="posture-dark")
    wish = {
        "scope": plan.OVERRULED,
        "target": f"node:{plan.WORKERS[-1]}",
        "reason": plan.REASON,
        "for_s": plan.OVERRULED_S,
    }

    async def say(link: MasterLink) -> None:
        await commanded(link, "override_set", wish, timeout_s=_PATIENCE_S)

    visit(target, say, timeout_s=_PATIENCE_S, results=1)
