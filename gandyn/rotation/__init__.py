"""What kind of point this is: the symmetric and the rotating part of the Jacobian, with what follows."""

from gandyn.rotation.boundary import Boundary
from gandyn.rotation.helmholtz import Helmholtz, helmholtz
from gandyn.rotation.potential_flow import potential_flow

__all__ = ["Boundary", "Helmholtz", "helmholtz", "potential_flow"]
