"""`holdfast doctor`: what is installed, what is missing, and what that costs."""

import typer

from core.doctor import Verdict, examine
from fastapi_app.cli.house import settings_for
from fastapi_app.cli.terminal import AsJson, Data, say, say_json, shown

MARKS = {Verdict.GOOD: "good   ", Verdict.MISSING: "missing", Verdict.BAD: "BAD    "}


def doctor(data: Data = None, as_json: AsJson = False) -> None:
    """Look at this machine and the data folder, and say what is missing and what that costs.

    Changes nothing. Exit code 1 when something is bad; a missing program that only some jobs need is not.
    """
    findings = examine(settings_for(data).data)
    if as_json:
        say_json(findings)
    else:
        for finding in findings:
            say(shown(f"{MARKS[finding.verdict]}  {finding.name}: {finding.found}"))
            if finding.cost:
                say(shown(f"         {finding.cost}"))
    if any(finding.verdict == Verdict.BAD for finding in findings):
        raise typer.Exit(1)
