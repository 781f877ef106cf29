"""The README's scripts run as printed."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
SCRIPTS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("script", SCRIPTS, ids=["own GAN", "symbolic game", "where it goes"])
def test_a_script_of_the_readme_runs(script):
    names = {}
    exec(script, names)
    field = names["field"] if "field" in names else names["game"]
    assert field.layout.dim > 1


def test_the_readme_gives_exactly_two_commands_to_start():
    commands = re.findall(r"^pip install -c constraints\.txt.*$", README, re.MULTILINE)
    assert [command.split(" && ")[1] for command in commands] == ["gandyn report", "pytest"]
