"""Rewrite what is generated: `python docs/make.py`, with --check to only compare.

In README.md, what is between <!-- help --> and <!-- /help --> is each command's --help; between
<!-- kernels --> and <!-- /kernels -->, the kernels by family. In texts with blocks of commands,
what these say (console.py); man/ has the manual pages (man.py), gallery.md every kernel's effect.
`--gallery` draws its images again, which are compared by nobody (gallery.py).
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
    import man

    parts = []
    for name, command in man.commands(group).items():
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


def files() -> dict[Path, str]:
    """Return every generated file with what it is to hold now."""
    # Beside this file; who imports it for the README's parts doesn't need them.
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    import console
    import gallery
    import man

    made = {README: rewritten(README.read_text(encoding="utf-8"))}
    for path in sorted((ROOT / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if console.commands(text):
            made[path] = console.rewritten(text)
    made[ROOT / "docs" / "gallery.md"] = gallery.text()
    pages = man.pages().items()
    return made | {ROOT / "docs" / "man" / name: page for name, page in pages}


def main() -> None:
    """Rewrite what is generated, or with --check fail if it isn't as it would be written."""
    made = files()
    stale = [path for path, text in made.items() if _held(path) != text]
    if "--check" in sys.argv[1:]:
        if stale:
            names = ", ".join(path.relative_to(ROOT).as_posix() for path in stale)
            sys.exit(f"{names}: not up to date; run python docs/make.py")
        return
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(made[path], encoding="utf-8", newline="\n")
    if "--gallery" in sys.argv[1:]:
        import gallery

        gallery.draw()


def _held(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    main()
