"""`holdfast run`: its verbs, from where they live."""

from fastapi_app.cli import commands, runs

app = runs.app
app.command("command")(commands.of_run)
