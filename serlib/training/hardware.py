"""Which device, which precision, which memory layout: decided once, recorded in every manifest."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from serlib.checks import check_choice

PRECISIONS = ("float32", "bfloat16", "auto")


@contextmanager
def exact() -> Iterator[None]:
    """Compute in float32 proper: a GPU's TensorFloat-32, which keeps 10 bits, is off inside."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@dataclass(frozen=True)
class Hardware:
    """Where and how a network is trained; losses always compute in float32."""

    device: str = "cpu"  # or "cuda" or "mps", also with a number, such as "cuda:1"
    autocast: str = "float32"  # the dtype of matrix work, or "bfloat16"
    channels_last: bool = False  # whether images lie channel by channel in memory, which bf16 convolutions prefer

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto") -> "Hardware":
        """Pick a device that is there (``"auto"``: the fastest); one that is not, or another precision: ValueError.

        ``"auto"`` precision is bfloat16 on a GPU that has it and float32 elsewhere: some CPUs have bfloat16, some have
        not, and a result should not depend on which one made it.
        """
        check_choice("precision", precision, PRECISIONS)
        there = ["cpu"] + ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available()
        name = there[-1] if device == "auto" else device
        if not isinstance(name, str) or name.split(":")[0] not in there:
            raise ValueError(f"device is {device!r}; this machine has {', '.join(there)} (or 'auto')")
        if precision == "auto":
            fast = name.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)
            precision = "bfloat16" if fast else "float32"
        return cls(name, precision, channels_last=precision == "bfloat16")

    def move(self, network: nn.Module, loss: nn.Module) -> None:
        """Move both to the device, images' weights in the memory layout that is fastest there."""
        network.to(self.device), loss.to(self.device)
        if self.channels_last:
            network.to(memory_format=torch.channels_last)

    def context(self) -> AbstractContextManager:
        """Return the autocast context of a training step."""
        return torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=self.autocast == "bfloat16")

    def place(self, batch: torch.Tensor) -> torch.Tensor:
        """Move a batch to the device, images in the memory layout that is fastest there."""
        batch = batch.to(self.device, non_blocking=True)
        return batch.contiguous(memory_format=torch.channels_last) if self.channels_last and batch.ndim == 4 else batch
