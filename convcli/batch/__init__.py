"""Many pictures: which, where to, in what order, and what became of each. Knows no terminal."""

from convcli.batch.jobs import STREAM, Job, Outcome, Request, Writing
from convcli.batch.names import label_of, plan
from convcli.batch.one import foresee
from convcli.batch.runner import AT_ONCE, begin, run

__all__ = [
    "AT_ONCE",
    "STREAM",
    "Job",
    "Outcome",
    "Request",
    "Writing",
    "begin",
    "foresee",
    "label_of",
    "plan",
    "run",
]
