"""`python -m fastapi_app.cli` is the `holdfast` command."""

from fastapi_app.cli.program import main

main()
