"""`convcli network`: a stack of layers, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from convcli.cli.echo import echo, echo_json
from convcli.cli.streams import check_apart
from convcli.cli.types import ConvCommand, Typed
from convcli.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from convcli.teach.network.stack import Network, Trace
    from convcli.teach.network.volume import Volume


class NetworkText(Typed):
    """A network: a name, a file, or its layers."""

    name = "NETWORK"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete names, and files."""
        from click.shell_completion import CompletionItem

        from convcli.teach.network.files import known

        found = [CompletionItem(name) for name in known() if name.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]


_HELP = """Follow a volume through a stack of layers.

For every layer: the shape of what comes out and how it is worked out, the parameters, the
multiplications, the memory, and how much of the input an output sees. Without a NETWORK those known
by name are listed; of a single layer every step is shown.

NETWORK is a name such as vgg16, a TOML file (mine.toml, or mine.toml#small), or layers parted by
semicolons:

\b
  conv SIZE FILTERS        s1 p0 d1 g1 nobias
  depthwise SIZE           s1 p0 d1 nobias
  transposed SIZE FILTERS  s1 p0 d1 g1 o0 nobias, or to=SIZE for o0
  pool SIZE, avgpool SIZE  s=SIZE p0 d1 ceil
  global                   max (else the mean)
  fc UNITS                 nobias
  relu, bn, flatten, dropout, lrn, tanh, sigmoid, softmax
  residual { … }           adds its input to its output
  residual { … } + { … }   adds a shortcut's output
  repeat N { … }           N times the same
  NAME: before a layer     gives it a name

\b
  s stride, p padding (or same), d dilation, g groups,
  o output padding, to output shape. SIZE and these may be
  two, as 3x5; p1,2,1,2 is TOP,BOTTOM,LEFT,RIGHT.
  conv1d, pool1d … slide along one axis, conv3d, pool3d …
  along three.
"""


@click.command(
    cls=ConvCommand,
    help=_HELP,
    epilog="""\b
Examples:
  convcli network
  convcli network vgg16
  convcli network vgg16 --layer conv1_1
  convcli network 'conv 3 64 p1; relu; pool 2' --input 32x32x3
  convcli network 'fc 1000' --input 32x32x3
  convcli network 'conv 3 8 s3' --input 7x7
  convcli network 'conv1d 5 16 s2; relu; pool1d 2' --input 128x3
  convcli network 'conv3d 3 64 p1; pool3d 1x2x2' --input 16x112x112x3
  convcli network resnet18 --compare resnet50
  convcli network resnet50 --json""",
)
@click.argument("network", required=False, type=NetworkText())
@click.option(
    "--input",
    "volume",
    metavar="HEIGHTxWIDTHxCHANNELS",
    help="What goes in; a known network has its own. LENGTHxCHANNELS for layers in one "
    "dimension, DEPTHxHEIGHTxWIDTHxCHANNELS for those in three.",
)
@click.option("--layer", metavar="NUMBER|NAME", help="Work this layer out step by step.")
@click.option(
    "--compare-fc",
    is_flag=True,
    help="Add what fully connected layers would cost in place of convolutions.",
)
@click.option("--compare", metavar="NETWORK", help="Set another network beside this one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def network(network: str | None, **options: Any) -> None:
    """Follow a volume through a stack of layers."""
    from convcli.teach.network.files import find_network, known, known_network
    from convcli.teach.network.stack import follow

    if network is None:
        _no_more(options)
        traces = [follow(found, _input(found, None)) for found in map(known_network, known())]
        _list(traces, options["as_json"])
        return
    check_apart(text.partition("#")[0] for text in (network, options["compare"] or ""))
    found = find_network(network)
    trace = follow(found, _input(found, options["volume"]))
    if options["compare"] is not None:
        other = find_network(options["compare"])
        volume = _volume(other, options["volume"]) or other.input or trace.input
        _versus((trace, follow(other, volume)), options["as_json"])
    else:
        _show(trace, options)


def _volume(found: Network, text: str | None) -> Volume | None:
    """Read what was typed, with as many axes as the layers slide along."""
    from convcli.teach.network.volume import parse_volume

    if text is None:
        return None
    try:
        return parse_volume(text, found.dims)
    except UsageError as error:
        context = click.get_current_context()
        option = next(p for p in context.command.params if p.name == "volume")
        raise click.BadParameter(str(error), context, option) from None


def _input(found: Network, text: str | None) -> Volume:
    chosen = _volume(found, text) or found.input
    if chosen is None:
        from convcli.teach.network.volume import FORMS

        raise click.UsageError(
            f"--input is missing: what goes in, {FORMS[found.dims]}",
            click.get_current_context(),
        )
    return chosen


def _no_more(options: dict[str, Any]) -> None:
    given = [name for name in ("volume", "layer", "compare_fc", "compare") if options[name]]
    if given:
        option = {"volume": "input"}.get(given[0], given[0]).replace("_", "-")
        raise click.UsageError(f"--{option} goes with a NETWORK", click.get_current_context())


def _list(traces: list[Trace], as_json: bool) -> None:
    if as_json:
        from convcli.report.network_data import listing_data

        echo_json(listing_data(traces))
    else:
        from convcli.report.network import listing

        echo(listing(traces))


def _versus(both: tuple[Trace, Trace], as_json: bool) -> None:
    if as_json:
        from convcli.report.network_data import data

        echo_json([data(trace) for trace in both])
    else:
        from convcli.report.network import versus

        echo(versus(*both))


def _show(trace: Trace, options: dict[str, Any]) -> None:
    alone = options["layer"] is None and trace.steps[-1].number == 1
    steps = trace.layer(options["layer"] or "1") if alone or options["layer"] else None
    if options["as_json"]:
        from convcli.report.network_data import data, layers_data

        one = options["layer"] is not None and steps is not None
        echo_json(layers_data(steps) if one and steps else data(trace))
    elif steps is not None:
        from convcli.report.network_card import card

        echo(card(steps))
    else:
        from convcli.report.network import text

        echo(text(trace, compare_fc=options["compare_fc"]))
