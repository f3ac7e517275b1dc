"""Tables for terminals: side by side where there is room, else one block a row; nothing is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

#: Signs between two columns: where there is room and where there is little, and with lines.
_GAP, _NARROW_GAP, _LINED_GAP = 2, 1, 3


@dataclass(frozen=True)
class Column:
    """A column of a `FittedTable`.

    Attributes
    ----------
    heading
        Its name; a line break in it is one in the table.
    right
        Whether it is set to the right, as numbers are.
    least
        How narrow it may become by wrapping; ``None``: it does not wrap.
    """

    heading: str
    right: bool = False
    least: int | None = None


@dataclass(frozen=True)
class FittedTable:
    """Rows of texts under headings; as wide as its console allows.

    Attributes
    ----------
    columns, rows
        What it shows. The first column names the row.
    lined
        Whether there are lines around the cells.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    lined: bool = False

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """What rich prints: the table, or the blocks."""
        for gap in [_LINED_GAP] if self.lined else [_GAP, _NARROW_GAP]:
            if self._width(gap) <= options.max_width:
                yield self._table(gap)
                return
        yield from self._blocks()

    def _width(self, gap: int) -> int:
        """The width of the table where every column that wraps is as narrow as it may be."""
        from rich.cells import cell_len

        total = 0
        for i, column in enumerate(self.columns):
            texts = [*column.heading.split("\n"), *(row[i] for row in self.rows)]
            widest = max(map(cell_len, texts))
            total += widest if column.least is None else min(widest, column.least)
        return total + gap * len(self.columns) + self.lined

    def _table(self, gap: int) -> RenderableType:
        from rich.box import HEAVY_HEAD, SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        box = HEAVY_HEAD if self.lined else SIMPLE_HEAD
        padding = (0, 1) if self.lined else (0, gap - 1, 0, 0)
        out = Table(box=box, show_edge=self.lined, pad_edge=self.lined, padding=padding)
        for column in self.columns:
            out.add_column(
                Text(column.heading),
                justify="right" if column.right else "left",
                no_wrap=column.least is None,
                min_width=None
                if column.least is None
                else min(column.least, self._longest(column)),
            )
        for row in self.rows:
            out.add_row(*map(Text, row))
        return out

    def _longest(self, column: Column) -> int:
        from rich.cells import cell_len

        i = self.columns.index(column)
        return max(cell_len(column.heading), *(cell_len(row[i]) for row in self.rows))

    def _blocks(self) -> Iterator[RenderableType]:
        from rich.text import Text

        names = [column.heading.replace("\n", " ") for column in self.columns]
        wide = max(map(len, names[1:]))
        for row in self.rows:
            yield Text(row[0], overflow="fold")
            for name, cell in zip(names[1:], row[1:], strict=True):
                yield Text(f"  {name:{wide}}  {cell}", overflow="fold")
