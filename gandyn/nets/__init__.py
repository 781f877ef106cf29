"""A field from torch modules: two networks, their losses and a batch become a vector field or a map."""

from gandyn.nets import losses
from gandyn.nets.gan import gan_field, gan_losses
from gandyn.nets.losses import Losses
from gandyn.nets.modules import get_state, modules_layout, set_state

__all__ = ["Losses", "gan_field", "gan_losses", "get_state", "losses", "modules_layout", "set_state"]
