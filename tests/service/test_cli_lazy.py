"""Commands are listed without being loaded, and every one that is listed can be loaded."""

import subprocess
import sys
from importlib import import_module

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from service.cli import app
from service.cli_lazy import LazyGroup
from service.user_errors import USER_ERRORS, is_user_error


def groups():
    root = get_command(app)
    inner = (root.get_command(None, name) for name in root.commands)
    return [root, *(one for one in inner if isinstance(one, LazyGroup))]


def test_the_list_of_commands_loads_none_of_them():
    program = (
        "import sys, typer.testing, service.cli\n"
        "done = typer.testing.CliRunner().invoke(service.cli.app, ['--help'])\n"
        "assert 'calibrate' in done.output, done.output\n"
        "loaded = {'numpy', 'scipy', 'fastapi', 'onnxruntime', 'av', 'numba'} & set(sys.modules)\n"
        "sys.exit(', '.join(loaded) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_loads_and_has_a_line_that_fits():
    found = groups()
    assert len(found) == 4  # the root, measure, bench and vision
    for group in found:
        assert group.listed
        for name, entry in group.listed.items():
            command = group.get_command(None, name)
            assert command.name == name and command.help, name
            assert len(entry.line) < 65, name


def test_a_command_that_does_not_exist_is_told_with_one_that_does():
    done = CliRunner().invoke(app, ["calibrat"])
    assert done.exit_code == 2 and "calibrate" in done.output


@pytest.mark.parametrize("name", sorted(USER_ERRORS))
def test_errors_for_users_are_classes_by_their_own_names(name):
    module, _, attribute = name.rpartition(".")
    error = getattr(import_module(module), attribute)
    assert f"{error.__module__}.{error.__qualname__}" == name and issubclass(error, Exception)
    assert is_user_error(error("x")) and not is_user_error(ValueError("x"))
