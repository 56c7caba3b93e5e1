"""Make one attempt at a backup and say how it went; a program, so that it can be killed.

Usage: back_up.py SOURCE DESTINATION WORKSPACE [JSON OPTIONS]
"""

import json
import sys
from pathlib import Path

from core.engines.copy import CopyEngine
from core.errors import EngineFailed
from tests.doubles import ScriptedContext


def say(words):
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main(source, destination, workspace, options="{}"):
    engine = CopyEngine(source=source, destination=destination, **json.loads(options))
    context = ScriptedContext(
        Path(workspace), ask=lambda progress: say({"stage": progress.stage, "done": progress.done})
    )
    try:
        outcome = engine.run(context)
    except EngineFailed as error:
        say({"error": str(error), "result": error.result, "warnings": error.warnings})
    else:
        say({"result": dict(outcome.result), "warnings": outcome.warnings})


if __name__ == "__main__":
    main(*sys.argv[1:])
