"""Jobs as rows: where, in which phase, for whom."""

from typing import Final

from posture_console.core.quantities import age
from posture_console.core.sheet import Column, Sheet
from posture_console.core.spans import Span, Tone, word
from posture_console.core.status import JOB, look
from posture_shared.messages.jobs import Job

OLD_S: Final = 3600.0
"""A Job that is over and was launched longer ago is dimmed."""

JOBS: Final[Sheet[Job]] = Sheet(
    name="jobs",
    key=lambda job: job.name,
    is_fault=lambda job: job.state == "failed",
    at=lambda job: job.created if job.is_over else None,
    old_s=OLD_S,
    empty="no Job: no worker of this site was started by Kubernetes",
    columns=(
        Column(
            name="job",
            title="JOB",
            width=20,
            weight=3,
            cell=lambda job, _m, _w: word(job.name, Tone.STRONG),
            value=lambda job: job.name,
        ),
        Column(
            name="phase",
            title="PHASE",
            width=10,
            cell=lambda job, _m, _w: look(JOB, job.phase).cell(),
            value=lambda job: job.phase,
        ),
        Column(
            name="node",
            title="NODE",
            width=10,
            weight=1,
            cell=lambda job, _m, _w: word(job.node),
            value=lambda j: j.node,
        ),
        Column(
            name="worker",
            title="WORKER",
            width=14,
            weight=1,
            rank=2,
            cell=lambda job, _m, _w: word(job.worker, Tone.DIM),
            value=lambda job: job.worker,
        ),
        Column(
            name="by",
            title="BY",
            width=10,
            rank=3,
            cell=lambda job, _m, _w: word(job.by, Tone.DIM),
            value=lambda job: job.by,
        ),
        Column(
            name="detail",
            title="DETAIL",
            width=14,
            weight=4,
            rank=1,
            cell=lambda job, _m, _w: word(job.detail, Tone.BAD if job.state == "failed" else Tone.DIM),
            value=lambda job: job.detail,
        ),
        Column(
            name="age",
            title="AGE",
            width=4,
            right=True,
            cell=lambda job, m, _w: (Span(age(m.age_s(job.created)), Tone.DIM),),
            value=lambda job: job.created,
            first_down=True,
        ),
    ),
)
