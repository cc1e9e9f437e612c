"""Tables as Linkerd prints them: three spaces between columns, names to the left, figures to the right. PURE."""

from collections.abc import Sequence

GAP = "   "


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int | None = None) -> str:
    """Text of a table. The first `left` columns (None: all) are aligned to the left."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    left = len(header) if left is None else left

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return GAP.join(padded).rstrip() + "\n"

    return line(header) + "".join(line(row) for row in rows)
