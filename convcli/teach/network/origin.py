"""Where a specification was read, and where in it a mistake is."""

from __future__ import annotations

from convcli.kernels.exact import PlacedError, line_column
from convcli.kernels.positions import place
from convcli.record import record


@record
class Origin:
    """What a network was read from.

    Parameters
    ----------
    spec
        The layers as they were written.
    source
        What to call it in a message: a file, or ''.
    text
        The whole file; '' for what was typed.
    table
        The file's table that the layers are in; '' if it has none.
    items
        Whether `layers` is a list of texts, which `spec` has one a line.
    """

    spec: str
    source: str = ""
    text: str = ""
    table: str = ""
    items: bool = False

    def error(self, reason: str, at: int) -> PlacedError:
        """Return a mistake at a character of the specification, with its place in the file."""
        line, column = line_column(self.spec, at)
        if not self.text:
            return PlacedError(reason, line, column, source=self.source)
        if not self.items:
            error = PlacedError(reason, line, column, "layers")
            return place(error, self.text, self.source, self.table)
        found = place(
            PlacedError(reason, key="layers", cell=(line - 1, 0)),
            self.text,
            self.source,
            self.table,
        )
        if found.line is None or found.column is None:
            return found
        return PlacedError(reason, found.line, found.column + column, source=self.source)

    def wrong(self, key: str, reason: str) -> PlacedError:
        """Return a mistake in the value of another key of the file."""
        return place(PlacedError(reason, key=key), self.text, self.source, self.table)
