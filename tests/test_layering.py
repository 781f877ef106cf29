"""The layers of docs/architecture.md, checked on the source: who imports whom, and who loads what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gandyn"

#: What everything stands on.
FLOOR = ("arrays", "checks", "encoding")
LEVELS = {
    "arrays": 0,
    "checks": 0,
    "encoding": 0,
    "field": 0,
    "tiles": 0,
    "games": 1,
    "spectra": 1,
    "planes": 1,
    "transforms": 1,
    "landscapes": 2,
    "trajectories": 2,
    "nets": 2,
    "store": 2,
    "vtk": 2,
    "fixed_points": 2,
    "schemes": 2,
    "bifurcations": 3,
    "rotation": 3,
    "cycles": 4,
    "lyapunov": 5,
    "basins": 6,
    "plot": 7,
    "report": 8,
    "cli": 9,
}
#: The homes of the heavy libraries; anywhere else a test fails.
HOMES = {
    "torch": {"nets"},
    "safetensors": {"nets"},
    "sympy": {"games"},
    "flint": {"games", "fixed_points"},
    "numba": {
        "games",
        "trajectories",
        "fixed_points",
        "schemes",
        "cycles",
        "bifurcations",
        "lyapunov",
        "basins",
    },
    "matplotlib": {"plot"},
    "mpl_toolkits": {"plot"},
    "zarr": {"tiles"},
    "distributed": {"report"},
    "cloudpickle": {"tiles", "plot"},
}
#: A report drives networks and draws: it holds torch tensors and figures, but defines neither.
HOMES["torch"] |= {"report"}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part(path):
    """The top-level module or subpackage that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """Yield the full name of everything that a file imports, for types only or not, with the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module, node.lineno
            if node.module == "gandyn":
                yield from ((f"gandyn.{alias.name}", node.lineno) for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_lower_levels_and_its_own_folder(path):
    here = part(path)
    for name, line in imports(path):
        root, *rest = name.split(".")
        if root == "gandyn" and rest and rest[0] in LEVELS and rest[0] not in (here, *FLOOR):
            assert LEVELS[rest[0]] < LEVELS[here], (
                f"{path.name}:{line}: {here} (level {LEVELS[here]}) imports {name} (level {LEVELS[rest[0]]})"
            )
        assert root not in ("studies", "tests", "benchmarks"), f"{path.name}:{line}: imports {name}"
        if root in HOMES:
            assert here in HOMES[root], f"{path.name}:{line}: {root} has its home in {HOMES[root]}"


def test_every_part_of_the_package_has_a_level():
    assert {part(path) for path in MODULES} == set(LEVELS)


def test_studies_do_not_import_each_other():
    for path in (PACKAGE.parent / "studies").glob("*/**/*.py"):
        own = path.relative_to(PACKAGE.parent / "studies").parts[0]
        for name, line in imports(path):
            if name.startswith("studies."):
                assert name.split(".")[1] == own, f"{path.name}:{line}: imports {name}"


def test_importing_gandyn_loads_no_heavy_library():
    code = "import sys, gandyn; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    roots = {name.split(".")[0] for name in loaded.stdout.split()}
    assert not roots & {
        "torch",
        "sympy",
        "numba",
        "matplotlib",
        "scipy",
        "xarray",
        "sklearn",
        "zarr",
        "cloudpickle",
    }


def test_listing_the_games_loads_no_heavy_library():
    code = "import sys, gandyn.games.catalogue as c; c.entries(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    roots = {name.split(".")[0] for name in loaded.stdout.split()}
    assert not roots & {"torch", "sympy", "numba", "matplotlib"}
