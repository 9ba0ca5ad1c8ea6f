"""Results as JUnit's XML, which CI servers show."""

from __future__ import annotations

from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..model import Result, Verdict
from .run import Run
from .table import bytes_of


def as_junit(run: Run) -> str:
    """Return the XML: a suite for each group. What is optional and did not pass is skipped, not failed."""
    root = Element("testsuites", {"name": run.title, **_totals(run.results)})
    for group, results in groupby(run.results, key=lambda result: result.group):
        inside = tuple(results)
        suite = SubElement(root, "testsuite", {"name": group, **_totals(inside)})
        for result in inside:
            _add_case(suite, run, result)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _totals(results: tuple[Result, ...]) -> dict[str, str]:
    kinds = [_kind(result) for result in results]
    names = {"failure": "failures", "error": "errors", "skipped": "skipped"}
    counts = {name: str(kinds.count(kind)) for kind, name in names.items()}
    seconds = sum(result.seconds for result in results)
    return {"tests": str(len(results)), "time": f"{seconds:.3f}", **counts}


def _kind(result: Result) -> str:
    """Return the element that says how a check ended, "" for one that passed."""
    if result.passed:
        return ""
    if not result.mandatory or result.verdict is Verdict.NOT_OFFERED:
        return "skipped"
    return "error" if result.verdict is Verdict.UNKNOWN else "failure"


def _add_case(suite: Element, run: Run, result: Result) -> None:
    name = f"{run.kind}.{result.group}"
    case = SubElement(suite, "testcase", name=result.id, classname=name, time=f"{result.seconds:.3f}")
    if kind := _kind(result):
        told = SubElement(case, kind, message=_ascii(result.seen))
        told.text = _ascii(f"{result.title}. {result.mend}")
        SubElement(case, "system-out").text = "\n".join(bytes_of(result))


def _ascii(text: str) -> str:
    """Return `text` without characters that XML has not."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
