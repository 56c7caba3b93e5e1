"""Watches what happens, adapts its pace, and makes batches for the hub."""

from core.service import Service
from fastapi_app.hub import Hub


class Monitor:
    """Watches."""

    def __init__(self, service: Service, hub: Hub) -> None:
        self._service = service
        self._hub = hub
        self.lag_ms = 0.0
        self.alive = False

    async def run(self) -> None:
        """Watch until cancelled."""
        self.alive = True
