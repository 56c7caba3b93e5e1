"""Open one session after another for the person who is there, and tell the value of each that was kept."""

import sys
from pathlib import Path

from core.accounts import Accounts
from core.clock import SystemClock
from core.passwords import Passwords

PASSWORD = "nine blue herons over Orkney"

accounts = Accounts(Path(sys.argv[1]), SystemClock(), passwords=Passwords(memory_kib=64))
accounts.open()
user = accounts.authenticate("ada", PASSWORD, "127.0.0.1")
while True:
    sys.stdout.write(accounts.open_session(user) + "\n")
    sys.stdout.flush()
