"""The whole `holdfast` command, with everything below it loaded."""

from fastapi_app.cli.called import COMMANDS, app_with

app = app_with(COMMANDS)
