"""The command line: global options, exit codes, and which noun lives in which file.

Exit 0 done, 1 something failed (said on stderr), 2 wrong usage or configuration.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from monitor import __version__
from monitor.cli import output
from monitor.cli.context import Context
from monitor.cli.helptext import Group
from monitor.errors import ConfigError, MonitorError, UsageError

_EPILOG = """\b
Examples:
  licensewatch check               is the configuration right?
  licensewatch run                 watch until Ctrl-C; takes up saved edits
  licensewatch status              does it work?
  licensewatch rules test "TITLE"  what would the rules make of it?
  licensewatch why URL             why was it told, or not?
  licensewatch slack check         what is missing before Slack gets alerts?

\b
Exit codes: 0 done; 1 something failed (said on stderr);
2 wrong usage or configuration, failing rule examples included;
130 a command was cut off with Ctrl-C.
"""

app = typer.Typer(
    name="licensewatch",
    help="Watch news feeds for changes in how AI models may be used; alert Slack once per story, with the facts.",
    epilog=_EPILOG,
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

# One file per noun; imported only when that noun is asked for (or for help), which keeps start-up short.
NOUNS = ("feeds", "rules", "stories", "deliveries", "mute", "routes", "slack", "db")
COMMANDS = {
    "run": "run",
    "worker": "worker",
    "demo": "demo",
    "init": "config",
    "check": "config",
    "status": "status",
    "why": "why",
    "history": "history",
    "export": "history",
}


def _say_version(asked: bool) -> None:
    if asked:
        output.say(f"licensewatch {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="DIR",
            help="Configuration directory. Else $LICENSEWATCH_CONFIG, ./config, /etc/licensewatch.",
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log decisions in full (DEBUG).")] = False,
    version: Annotated[  # noqa: ARG001  # answered before any command is looked for
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    ctx.obj = Context(config, verbose)


def _register(words: set[str]) -> None:
    """Attach the commands that `words` may name; all of them when none is named (help, typos)."""
    named = words & ({*NOUNS} | {*COMMANDS})
    if not named and "--version" in words:
        return  # answered before any command is looked for
    for noun in NOUNS:
        if not named or noun in named:
            module = importlib.import_module(f"monitor.cli.{noun}")
            app.add_typer(module.app, name=noun, cls=Group)
    for command, file in COMMANDS.items():
        if not named or command in named:
            module = importlib.import_module(f"monitor.cli.{file}")
            app.command(command)(getattr(module, command))


def arguments(argv: list[str]) -> list[str]:
    """`argv` with the global options moved to the front: `rules eval F --config DIR` works as well."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            return [*front, *rest, word, *words]
        if word == "--config":
            front += [word, *(value for value in [next(words, None)] if value is not None)]
        elif word.startswith("--config=") or word in ("--verbose", "-v"):
            front.append(word)
        else:
            rest.append(word)
    return front + rest


def prepared(argv: list[str]) -> list[str]:
    """The words of a command line, global options first, once the commands they may name are loaded."""
    words = arguments(argv)
    _register({*words})
    return words


def perform(words: list[str]) -> int:
    """Run one command; its exit code. Where the journal reads along, each mistake is a line of JSON."""
    journal = output.in_journal()
    try:
        code = app(words, standalone_mode=not journal)
        return code if isinstance(code, int) else 0
    except (ConfigError, UsageError) as error:
        output.fail(str(error))
        return 2
    except MonitorError as error:
        output.fail(str(error))
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:  # `licensewatch … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except SystemExit as done:  # how typer ends
        return done.code if isinstance(done.code, int) else 1 if done.code else 0
    except Exception as error:
        if not journal:
            raise
        output.fail(getattr(error, "format_message", traceback.format_exc)())  # wrong usage, or a bug
        return int(getattr(error, "exit_code", 1))
    return 0
