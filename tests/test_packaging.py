"""What is installed: every module, both twistd verbs wherever one is, and nothing else."""

import ast
import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PLUGINS = ROOT / "twisted_plugins"
TIMEOUT = 120


@pytest.fixture(scope="module")
def setup():
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    return parser


def folders_of_python():
    package = ROOT / "p2p_twisted"
    return {".".join(path.parent.relative_to(ROOT).parts) for path in package.rglob("*.py")}


def modules():
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "p2p_twisted").rglob("*.py")}
    return package | {f"twisted/plugins/{path.name}" for path in PLUGINS.glob("*.py")}


def data():
    pages = ("experiment/page/static", "experiment/page/templates", "web/pages/static", "web/pages/templates")
    folders = (*pages, "share/wireshark")
    found = [path for folder in folders for path in (ROOT / "p2p_twisted" / folder).iterdir()]
    found += [*(ROOT / "p2p_twisted/check/profiles").glob("*.toml"), ROOT / "p2p_twisted/check/report/report.html.j2"]
    names = {path.relative_to(ROOT).as_posix() for path in found}
    return names | {"p2p_twisted/py.typed", "p2p_twisted/experiment/report/report.html.j2"}


def run(cwd, *command):
    return subprocess.run(command, cwd=cwd, check=True, timeout=TIMEOUT, capture_output=True, text=True).stdout


def test_every_folder_is_a_package_and_is_listed(setup):
    listed = setup["options"]["packages"].split()
    assert len(listed) == len(set(listed))
    assert set(listed) == folders_of_python() | {"twisted.plugins"}
    assert all((ROOT / name.replace(".", "/") / "__init__.py").is_file() for name in folders_of_python())


def imported_distributions(folder):
    """The distributions that have the modules which the Python files in `folder` import, anywhere in them."""
    nodes = [node for path in (ROOT / folder).rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    known = packages_distributions()
    roots = {name.partition(".")[0] for name in names} - {"zope"}  # a namespace of many distributions
    found = {name.lower().replace("_", "-") for root in roots for name in known.get(root, ())}
    found.remove(folder.replace("_", "-"))
    return found | {".".join(name.split(".")[:2]) for name in names if name.startswith("zope.")}


def distributions(lines):
    """The normalised names of the distributions that requirement `lines` ask for, with this Python."""
    needed = [Requirement(line) for line in lines.split("\n") if line.strip()]
    return {one.name.lower() for one in needed if one.marker is None or one.marker.evaluate()}


def test_the_requirements_are_the_imports_outside_experiments(setup):
    found = imported_distributions("p2p_twisted") | {"pyopenssl", "service-identity"}  # Twisted imports both
    required = distributions(setup["options"]["install_requires"])
    extras = setup["options.extras_require"]
    extra = distributions("\n".join(extras[name] for name in ("experiment", "mdns", "metrics", "redis", "tls")))
    assert (found & required, found - required) == (required, extra)
    assert extra <= distributions(extras["test"])


def test_plugins_are_mapped_into_twisted_and_seen_when_editable(setup):
    assert setup["options"]["package_dir"].split() == ["twisted.plugins", "=", "twisted_plugins"]
    assert setup["editable_wheel"]["mode"] == "strict"


def test_the_plugin_file_stands_alone_and_imports_nothing_of_the_package():
    [plugin] = PLUGINS.glob("*.py")
    assert plugin.stem not in ("__init__", "p2p_twisted")
    tree = ast.parse(plugin.read_text("utf-8"))
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)] == [
        "from twisted.application.service import ServiceMaker"
    ]


def test_a_wheel_has_every_module_and_nothing_else(tmp_path):
    source = tmp_path / "source"
    rubbish = shutil.ignore_patterns("__pycache__", "dropin.cache")
    for name in ("man", "p2p_twisted", "twisted_plugins"):
        shutil.copytree(ROOT / name, source / name, ignore=rubbish)
    for name in ("setup.cfg", "pyproject.toml", "README.rst", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    run(source, sys.executable, "-c", build, str(tmp_path))
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if ".dist-info/" not in name}
    manuals = {name for name in files if ".data/data/share/man/man1/p2p" in name}
    assert {Path(name).name for name in manuals} == {path.name for path in (ROOT / "man").iterdir()}
    assert files - manuals == modules() | data()


def test_twistd_knows_both_verbs_from_any_folder(tmp_path):
    usage = run(tmp_path, sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "--help")
    assert "p2p-rs" in usage and "p2p-peer" in usage


def test_the_command_is_installed(tmp_path):
    assert "Usage: p2p" in run(tmp_path, str(Path(sys.executable).with_name("p2p")), "--help")
