"""Show me the command: what a person would type to do the same without Holdfast."""

from fastapi import APIRouter

from core.commands import Commands, commands_of
from core.models import Job, Run
from core.service import Service
from fastapi_app.api.values import Out
from fastapi_app.dependencies import Manager, TheService
from fastapi_app.places import JobId, RunId

router = APIRouter(tags=["commands"])


class CommandsOut(Out):
    """Lines to type in a shell, in their order; where there is none, `about` says why. No secret is in them."""

    commands: list[str]
    about: str

    @classmethod
    def of(cls, commands: Commands) -> "CommandsOut":
        """Return the commands as JSON says them."""
        return cls(commands=list(commands.lines), about=commands.about)


@router.get("/jobs/{job_id}/commands")
def of_job(job_id: JobId, manager: Manager, service: TheService) -> CommandsOut:
    """Return what a person would type to do what the job does."""
    return CommandsOut.of(_commands(service, manager.job(job_id).job))


@router.get("/runs/{run_id}/commands")
def of_run(run_id: RunId, manager: Manager, service: TheService) -> CommandsOut:
    """Return what a person would type to do what the run did, by the options that it had."""
    return CommandsOut.of(_commands(service, manager.run(run_id)))


def _commands(service: Service, which: Job | Run) -> Commands:
    return commands_of(service.manager.engine, which.kind, which.options, service.surroundings)
