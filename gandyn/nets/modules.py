"""A torch module as a pure function of a flat parameter vector; the user's module is never touched."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MethodType
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.modules.conv import _ConvTransposeNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.spectral_norm import SpectralNorm

from gandyn.checks import check_option
from gandyn.field import Block, Layout, Player
from gandyn.nets.regularizers import InstanceNoise

__all__ = ["BatchNormMode", "DropoutMode", "Network", "get_state", "modules_layout", "set_state"]

#: What a normalisation layer with running statistics does while the field is evaluated.
BatchNormMode = Literal["frozen", "batch", "reestimate"]
#: What a dropout layer does while the field is evaluated.
DropoutMode = Literal["eval", "seeded"]


def module_blocks(module: nn.Module, player: Player) -> tuple[Block, ...]:
    """Return one block for each trainable parameter of ``module``, with its filter axis.

    The axis that counts output filters is 0 for linear, convolution and embedding weights and 1 for
    transposed convolutions, which torch stores input channel first; parameters of fewer than two
    axes and those of normalisation layers have no filters.

    Args:
        module: the network; parameters with ``requires_grad=False`` are constants, not state.
        player: who owns the blocks.

    Raises:
        ValueError: no trainable parameter, a parameter without shape (lazy module), or one that is
            not finite.
    """
    owners = dict(module.named_modules())
    blocks = []
    for name, parameter in trainable_parameters(module).items():
        owner, _, leaf = name.rpartition(".")
        host = owners[re.sub(r"(^|\.)parametrizations\..*", "", owner)]
        axis, groups = _filter_axis(host, leaf, parameter)
        blocks.append(Block(f"{player}.{name}", player, tuple(parameter.shape), axis, groups))
    if not blocks:
        raise ValueError(
            f"the {player} has no trainable parameter; set requires_grad_(True) on what should move"
        )
    return tuple(blocks)


def trainable_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that training moves, by name, checked to be finite and materialised."""
    module = unwrapped(module)
    found = {name: p for name, p in module.named_parameters() if p.requires_grad}
    for name, parameter in found.items():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise ValueError(
                f"parameter {name!r} of {type(module).__name__} has no shape yet (lazy module); "
                "call the module once on a batch first"
            )
        if not torch.isfinite(parameter).all():
            bad = int((~torch.isfinite(parameter)).sum())
            raise ValueError(
                f"parameter {name!r} of {type(module).__name__} has {bad} non-finite of "
                f"{parameter.numel()} entries; load finite weights first"
            )
    return found


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the module inside a ``torch.compile`` wrapper, or the module itself."""
    inner = getattr(module, "_orig_mod", module)
    if not isinstance(inner, nn.Module):
        raise TypeError(f"expected a torch.nn.Module, got {type(module).__name__}")
    return inner


def _filter_axis(host: nn.Module, name: str, parameter: Tensor) -> tuple[int | None, int]:
    is_magnitude = name in ("original0", "weight_g")  # of a weight normalisation: a scale, no filter
    if parameter.ndim < 2 or is_magnitude or isinstance(host, nn.LayerNorm):
        return None, 1
    if isinstance(host, _ConvTransposeNd):
        return 1, host.groups
    return 0, 1


def modules_layout(generator: nn.Module, discriminator: nn.Module) -> Layout:
    """Return the layout of the joint state of two modules: generator blocks first.

    Args:
        generator: module of the generator.
        discriminator: module of the discriminator.

    Example:
        >>> modules_layout(nn.Linear(2, 3), nn.Linear(3, 1)).names
        ('generator.weight', 'generator.bias', 'discriminator.weight', 'discriminator.bias')
    """
    return Layout((*module_blocks(generator, "generator"), *module_blocks(discriminator, "discriminator")))


def get_state(
    generator: nn.Module, discriminator: nn.Module, *, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Return the current trainable parameters of both modules as one flat vector.

    Args:
        generator: module of the generator.
        discriminator: module of the discriminator.
        dtype: float type of the result.

    Returns:
        Tensor of shape (n,), a copy, on the device of the parameters.

    Example:
        >>> get_state(nn.Linear(2, 3), nn.Linear(3, 1)).shape
        torch.Size([13])
    """
    parameters = [*trainable_parameters(generator).values(), *trainable_parameters(discriminator).values()]
    return torch.cat([p.detach().reshape(-1).to(dtype) for p in parameters])


def set_state(x: Tensor, generator: nn.Module, discriminator: nn.Module) -> None:
    """Write a flat state into the parameters of both modules (the one function that changes them).

    Args:
        x: shape (n,) or longer (memory blocks are ignored), float.
        generator: module of the generator, changed in place.
        discriminator: module of the discriminator, changed in place.

    Raises:
        ValueError: fewer entries than the modules have parameters.

    Example:
        >>> g, d = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> set_state(torch.arange(4.0), g, d)
        >>> d.bias.item()
        3.0
    """
    parameters = [*trainable_parameters(generator).values(), *trainable_parameters(discriminator).values()]
    count = sum(p.numel() for p in parameters)
    if x.ndim != 1 or x.shape[0] < count:
        raise ValueError(f"the modules have {count} parameters; got a state of shape {tuple(x.shape)}")
    with torch.no_grad():
        for parameter, values in zip(
            parameters, x[:count].split([p.numel() for p in parameters]), strict=True
        ):
            parameter.copy_(values.view_as(parameter))


def _isolated_copy(module: nn.Module) -> nn.Module:
    """Copy the module objects but share parameters and buffers, which every call replaces.

    Tensors held as plain attributes (old-style spectral norm keeps its weight so) are cloned: they
    may carry a graph, which deepcopy refuses, and a forward pass may overwrite them.
    """
    memo: dict[int, Any] = {}
    for part in module.modules():
        memo.update({id(v): v.detach().clone() for v in vars(part).values() if isinstance(v, Tensor)})
    memo.update({id(t): t for t in (*module.parameters(), *module.buffers())})
    return copy.deepcopy(module, memo)


def _cast(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a detached copy, floating values in ``dtype``."""
    target = dtype if values.is_floating_point() else values.dtype
    return values.detach().to(target, copy=True)


class Network:
    """One player's module as a pure function ``network(parameters, *inputs)``.

    Args:
        module: the user's module; copied in structure, never changed.
        player: "generator" or "discriminator", for messages.
        dtype: float type of constants and buffers.
        batch_norm: what layers with running statistics do; None accepts only layers in eval mode.
        dropout: what dropout layers do; None accepts only layers in eval mode.
        training: leave all modes as they are and let buffers be updated, as training does.
    """

    def __init__(
        self,
        module: nn.Module,
        player: Literal["generator", "discriminator"],
        *,
        dtype: torch.dtype,
        batch_norm: BatchNormMode | None = None,
        dropout: DropoutMode | None = None,
        training: bool = False,
    ) -> None:
        if batch_norm is not None:
            check_option("batch_norm", batch_norm, get_args(BatchNormMode))
        if dropout is not None:
            check_option("dropout", dropout, get_args(DropoutMode))
        module = unwrapped(module)
        self.player = player
        self.blocks = module_blocks(module, player)
        self.shapes = [block.shape for block in self.blocks]
        self.sizes = [block.size for block in self.blocks]
        self.names = list(trainable_parameters(module))
        self.shadow = _isolated_copy(module)
        self._norms = [] if training else _set_modes(self.shadow, player, batch_norm, dropout)
        self.reestimates = batch_norm == "reestimate" and bool(self._norms)
        owned = {id(value): name for name, value in (*module.named_parameters(), *module.named_buffers())}
        state = module.state_dict(keep_vars=True)
        self._aliases = {key: owned[id(value)] for key, value in state.items()}
        self._tied = any(key != name for key, name in self._aliases.items())
        frozen = {name: p for name, p in module.named_parameters() if not p.requires_grad}
        present = dict(self.shadow.named_buffers())
        self.constants = {name: _cast(value, dtype) for name, value in {**frozen, **present}.items()}

    def __call__(self, parameters: Sequence[Tensor], *inputs: Tensor) -> Any:
        """Return the output of the module with ``parameters`` in place of its own."""
        return self._forward(parameters, self.constants, inputs)

    def _forward(
        self, parameters: Sequence[Tensor], constants: Mapping[str, Tensor], inputs: tuple[Tensor, ...]
    ) -> Any:
        values = {**dict(zip(self.names, parameters, strict=True)), **constants}
        return torch.func.functional_call(self.shadow, values, inputs, tie_weights=self._tied)

    def measured_at(self, parameters: Sequence[Tensor], *inputs: Tensor) -> Network:
        """Return the network with running statistics measured at ``parameters``, if it re-estimates them."""
        if not self.reestimates:
            return self
        other = copy.copy(self)
        other.constants = {**self.constants, **self._measured_statistics(parameters, inputs)}
        return other

    def _measured_statistics(
        self, parameters: Sequence[Tensor], inputs: tuple[Tensor, ...]
    ) -> dict[str, Tensor]:
        """Return running means and variances from one pass with batch statistics."""
        measured: dict[str, Tensor] = {}
        layers = {name: self.shadow.get_submodule(name) for name in self._norms}
        hooks = [part.register_forward_pre_hook(_recorder(name, measured)) for name, part in layers.items()]
        scratch = {name: value.clone() for name, value in self.constants.items()}
        for part in layers.values():
            part.training = True
        try:
            self._forward(parameters, scratch, inputs)
        finally:
            for part, hook in zip(layers.values(), hooks, strict=True):
                part.training = False
                hook.remove()
        return measured

    def state_dict(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return copies, on the CPU, of what the module's own ``state_dict`` has, tied names included."""
        values = {**parameters, **self.constants}
        names = {**{name: name for name in values}, **self._aliases}
        return {key: values[name].detach().cpu().clone() for key, name in names.items()}

    def with_copied_buffers(self) -> Network:
        """Return the network with buffers of its own, for a trial that must leave no trace."""
        other = copy.copy(self)
        other.constants = {name: value.clone() for name, value in self.constants.items()}
        return other

    def changes_since(self, original: Network) -> list[str]:
        """Return the names of the buffers that differ from those of ``original``."""
        return [n for n, value in self.constants.items() if not torch.equal(value, original.constants[n])]


def _set_modes(
    shadow: nn.Module, player: str, batch_norm: BatchNormMode | None, dropout: DropoutMode | None
) -> list[str]:
    """Put the layers of a copied module into the modes asked for; return the tracked norm layers."""
    tracked = []
    for name, part in shadow.named_modules():
        where = f"{player}.{name} ({type(part).__name__})"
        if isinstance(part, _NormBase) and part.running_mean is not None:
            tracked.append(name)
            _set_norm_mode(part, where, batch_norm)
        elif isinstance(part, _DropoutNd | nn.RReLU | InstanceNoise) and part.training:
            _set_dropout_mode(part, where, dropout)
        elif isinstance(part, _SpectralNorm) or _has_old_spectral_norm(part):
            part.training = False
    return tracked


def _set_norm_mode(part: _NormBase, where: str, batch_norm: BatchNormMode | None) -> None:
    if batch_norm is None and part.training:
        raise ValueError(
            f"{where} is in training mode: say which statistics the field uses: batch_norm='frozen' "
            "(the running ones as they are), 'batch' (those of the fixed batch, as in training) or "
            "'reestimate' (running ones measured anew at every state)"
        )
    if batch_norm == "batch":
        part.training, part.track_running_stats = True, False
        part.running_mean = part.running_var = part.num_batches_tracked = None
        return
    part.training = False
    if batch_norm == "reestimate":
        if not isinstance(part, _BatchNorm):
            raise ValueError(f"{where}: batch_norm='reestimate' is for batch norm; take 'frozen' or 'batch'")
        vars(part)["forward"] = MethodType(_normalize, part)


def _normalize(part: _BatchNorm, x: Tensor) -> Tensor:
    """Do what batch norm does, but differentiable in the running statistics, which torch's is not."""
    if part.training:
        mean, variance = _channel_statistics(x, correction=0)
    else:
        mean, variance = cast(Tensor, part.running_mean), cast(Tensor, part.running_var)
    shape = (1, -1, *[1] * (x.ndim - 2))
    normal = (x - mean.view(shape)) / torch.sqrt(variance.view(shape) + part.eps)
    return normal * part.weight.view(shape) + part.bias.view(shape) if part.affine else normal


def _channel_statistics(x: Tensor, *, correction: int) -> tuple[Tensor, Tensor]:
    axes = [axis for axis in range(x.ndim) if axis != 1]
    return x.mean(axes), x.var(axes, correction=correction)


def _set_dropout_mode(part: nn.Module, where: str, dropout: DropoutMode | None) -> None:
    if dropout is None:
        raise ValueError(
            f"{where} is in training mode: its output is drawn anew at each call, so that there is no "
            "field. Pass dropout='eval' (switched off) or dropout='seeded' (the same mask at every "
            "evaluation), or call .eval() on the module"
        )
    part.training = dropout == "seeded"


def _has_old_spectral_norm(part: nn.Module) -> bool:
    return any(isinstance(hook, SpectralNorm) for hook in part._forward_pre_hooks.values())


def _recorder(name: str, measured: dict[str, Tensor]) -> Any:
    def record(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        mean, variance = _channel_statistics(inputs[0], correction=1)
        measured[f"{name}.running_mean"], measured[f"{name}.running_var"] = mean, variance

    return record


def split_like(x: Tensor, network: Network) -> list[Tensor]:
    """Return the parameters of ``network`` as views of its flat vectors ``x`` of shape (..., size)."""
    parts = zip(x.split(network.sizes, -1), network.shapes, strict=True)
    return [part.view((*x.shape[:-1], *shape)) for part, shape in parts]


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield the tensors of a tensor or a nested sequence of tensors."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Sequence):
        for item in value:
            yield from tensors_in(item)
