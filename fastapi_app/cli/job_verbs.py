"""`holdfast job`: its verbs, from where they live."""

from fastapi_app.cli import commands, create, edit, graphs, jobs, trials

app = jobs.app
app.command("create")(create.create)
app.command("edit")(edit.edit)
app.command("graph")(graphs.graph)
app.command("try")(trials.try_)
app.command("command")(commands.of_job)
