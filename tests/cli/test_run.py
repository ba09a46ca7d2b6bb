"""``ldl run`` and its neighbours: which tables there are, told by the error."""

import re

import pytest
from typer.testing import CliRunner

from ldl.cli import app
from ldl.errors import LdlError
from ldl.tables import TABLES


@pytest.mark.parametrize("command", ["run", "status", "jobs", "publish"])
def test_every_table_is_named(command: str) -> None:
    refused = CliRunner().invoke(app, [command, "table9"])
    assert isinstance(refused.exception, LdlError)
    assert set(TABLES) <= set(re.findall(r"\w+", str(refused.exception)))
