"""The verb that keeps an alarm quiet."""

import msgspec

from posture_console.core.silencing import silence_words
from posture_console.headless.output import say_facts, say_json
from posture_console.headless.posture import commanded
from posture_console.links.master_link import MasterLink
from posture_shared.records import Alarm


async def silence(
    link: MasterLink, *, as_json: bool, timeout_s: float, alarm_id: str, for_s: float, reason: str
) -> None:
    """Have an alarm that holds told to nobody for a while; 0 seconds end that."""
    args = {"id": alarm_id, "for_s": for_s, "reason": reason}
    alarm = msgspec.convert(await commanded(link, "alarm_silence", args, timeout_s=timeout_s), Alarm)
    if as_json:
        say_json(alarm)
        return
    quiet = alarm.silence
    words = "it speaks again" if quiet is None else silence_words(quiet, quiet.since)
    say_facts([(alarm.subject, f"{words}; {alarm.text}")])
