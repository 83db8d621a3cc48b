"""Options by environment: the same variable for every command that has the option.

What is on the command line counts before the environment, and that before the default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import click
from click.core import ParameterSource

_PREFIX = "SANCTUM_EXPORTER"


def long_name(option: click.Option) -> str:
    """Return how an option is spelt out, such as ``--web.listen-address``."""
    return max(option.opts, key=len)


def give_variables(command: click.Command) -> None:
    """Let every option of a command be set by environment, and its help say so.

    An option that is answered at once, such as ``--version``, and one that is a letter only have no
    variable.
    """
    for option in command.params:
        if isinstance(option, click.Option) and not option.is_eager:
            name = long_name(option)
            if name.startswith("--"):
                words = re.findall(r"[a-z0-9]+", name)
                option.envvar = "_".join([_PREFIX, *(word.upper() for word in words)])
                option.show_envvar = True


def was_typed(context: click.Context, name: str) -> bool:
    """Tell whether a parameter was given on the command line."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def origin(context: click.Context, option: click.Option) -> str:
    """Return what an error calls the place that an option's value comes from."""
    if context.get_parameter_source(option.name or "") is ParameterSource.ENVIRONMENT:
        return f"the variable {option.envvar}"
    return f"'{long_name(option)}'"


def refuse(context: click.Context, reasons: Mapping[str, str]) -> None:
    """Refuse options that were typed and would have no effect.

    What the environment says may be meant for another command, and is left aside.

    Args:
        context: the command's.
        reasons: why an option has no effect, by the name of its parameter.

    Raises:
        click.UsageError: if one of them was typed; it names the option.
    """
    for parameter in context.command.params:
        name = parameter.name or ""
        if isinstance(parameter, click.Option) and name in reasons and was_typed(context, name):
            raise click.UsageError(f"{long_name(parameter)} {reasons[name]}", context)
