"""Many pictures: which, where to, in what order, and what became of each. Knows no terminal."""

from convcli.batch.jobs import STREAM, Job, Outcome, Request, Writing
from convcli.batch.names import label_of, plan
from convcli.batch.runner import foresee, run

__all__ = [
    "STREAM",
    "Job",
    "Outcome",
    "Request",
    "Writing",
    "foresee",
    "label_of",
    "plan",
    "run",
]
