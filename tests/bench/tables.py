# SPDX-License-Identifier: GPL-2.0-only
"""Medians with their spread, and tables for a terminal or for Markdown."""

import statistics


def median(values):
    return statistics.median(values)


def significant(value, digits=3):
    """So many digits, without an exponent: 90'100'000 as 90,100,000, 0.0056 as 0.0056."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    if abs(rounded) >= 10 ** (digits - 1):
        return f"{rounded:,.0f}"
    return f"{rounded:#.{digits}g}".rstrip(".")


def with_spread(values, digits=3):
    """The median, and the least and the most: `2.6 (2.4 to 3.1)`."""
    if len(values) == 1:
        return significant(values[0], digits)
    return (f"{significant(median(values), digits)} "
            f"({significant(min(values), digits)} to {significant(max(values), digits)})")


def text_table(title, header, rows):
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells):
        padded = [cell.rjust(width) for cell, width in zip(cells, widths)]
        return "  ".join([cells[0].ljust(widths[0]), *padded[1:]]).rstrip()

    return "\n".join([title, "", *(line(row) for row in [header, *rows]), ""])


def markdown_table(title, header, rows):
    def line(cells):
        return "| " + " | ".join(cells) + " |"

    rule = "|---" + "|---:" * (len(header) - 1) + "|"
    return "\n".join([f"**{title}**", "", line(header), rule, *map(line, rows), ""])
