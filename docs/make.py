"""Rewrite the generated parts of README.md: `python docs/make.py`, with --check to only compare.

What is between <!-- help --> and <!-- /help --> is each command's --help; between <!-- kernels -->
and <!-- /kernels -->, the kernels by family.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from convcli.cli.main import cli
from convcli.kernels import families

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def help_texts() -> str:
    """Each command's help in a block of its own."""
    group = click.Context(
        cli, info_name="convcli", terminal_width=96, help_option_names=["-h", "--help"]
    )
    parts = []
    for name in cli.list_commands(group):
        command = cli.get_command(group, name)
        context = click.Context(command, info_name=name, parent=group, terminal_width=96)
        lines = (line.rstrip() for line in command.get_help(context).splitlines())
        parts.append("### convcli {}\n\n```text\n{}\n```".format(name, "\n".join(lines)))
    return "\n\n".join(parts)


def kernel_tables() -> str:
    """Every kernel by family: how it is written, and what it does."""
    parts = []
    for family, members in families().items():
        rows = [
            f"| `{m.name if m.form != 'generator' else m.usage}` | {_cell(m.effect)} |"
            for m in members
        ]
        parts.append("\n".join([f"### {family}", "", "| kernel | effect |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def rewritten(text: str) -> str:
    """Fill the generated parts of a text."""
    for name, content in (("help", help_texts()), ("kernels", kernel_tables())):
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            sys.exit(f"README.md has no <!-- {name} --> … <!-- /{name} -->")
        text = pattern.sub(lambda found, new=content: f"{found[1]}\n{new}\n\n{found[2]}", text)
    return text


def main() -> None:
    """Rewrite README.md, or with --check fail if it isn't as it would be written."""
    before = README.read_text(encoding="utf-8")
    after = rewritten(before)
    if "--check" in sys.argv[1:]:
        if before != after:
            sys.exit("README.md is not up to date: run python docs/make.py")
    elif before != after:
        README.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
