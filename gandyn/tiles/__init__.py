"""A computation as a list of tiles: in this process or by any executor, into a store that resumes."""

from gandyn.tiles.compute import compute
from gandyn.tiles.settings import fingerprint
from gandyn.tiles.store import Store, amend, read
from gandyn.tiles.workers import ship_by_value

__all__ = ["Store", "amend", "compute", "fingerprint", "read", "ship_by_value"]
