"""A bar that shows how far a batch is."""

from __future__ import annotations

from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from convcli.report.lines import harmless

#: Seconds between two images of the bar.
_PAUSE = 0.1


class Bar:
    """A bar on standard error, with how many images a second are done and the time left.

    Parameters
    ----------
    count
        How many images there are.
    """

    def __init__(self, count: int) -> None:
        # No thread of its own: a process with threads can't be copied safely for a worker.
        self._progress = Progress(
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
        )
        self._task = self._progress.add_task("", total=count, rate="")
        self._start, self._shown, self._done = monotonic(), 0.0, 0
        self._progress.start()

    def advance(self) -> None:
        """Count an image."""
        self._done += 1
        now = monotonic()
        if now < self._shown + _PAUSE:
            return
        self._shown = now
        rate = self._done / max(now - self._start, 1e-3)
        self._progress.update(self._task, completed=self._done, rate=f"{rate:.3g}/s", refresh=True)

    def tell(self, text: str) -> None:
        """Say something above the bar."""
        self._progress.console.print(Text(harmless(text), overflow="fold"))

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()
