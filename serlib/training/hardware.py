"""Which device, which precision, which memory layout: decided once, recorded in every manifest."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch


def _cpu_has_bf16() -> bool:
    """Tell whether this CPU multiplies in bfloat16: without the instructions autocast is slower than float32."""
    flags = torch.backends.cpu.get_cpu_capability()
    try:
        with open("/proc/cpuinfo") as lines:
            text = lines.read()
    except OSError:
        return False
    return "AVX512" in flags and ("avx512_bf16" in text or "amx_bf16" in text)


@dataclass(frozen=True)
class Hardware:
    """Where and how a network is trained.

    Attributes:
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        autocast: the dtype of matrix work, ``"bfloat16"`` or ``"float32"``; losses always compute in float32.
        channels_last: whether images lie channel by channel in memory, which bf16 convolutions prefer.
    """

    device: str
    autocast: str
    channels_last: bool

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto") -> "Hardware":
        """Pick the fastest that is there.

        Raises:
            ValueError: for a device that this machine lacks or an unknown precision.
        """
        if precision not in {"auto", "bfloat16", "float32"}:
            raise ValueError(f"precision is {precision!r}; allowed are 'auto', 'bfloat16' and 'float32'")
        there = [
            "cpu",
            *(["cuda"] if torch.cuda.is_available() else []),
            *(["mps"] if torch.backends.mps.is_available() else []),
        ]
        name = there[-1] if device == "auto" else device
        if name.split(":")[0] not in there:
            raise ValueError(f"device is {device!r}; this machine has {', '.join(there)} (or 'auto')")
        kind = name.split(":")[0]
        fast = (kind == "cuda" and torch.cuda.is_bf16_supported()) or (kind == "cpu" and _cpu_has_bf16())
        dtype = {"auto": "bfloat16" if fast else "float32"}.get(precision, precision)
        return cls(name, dtype, channels_last=dtype == "bfloat16")

    def context(self) -> AbstractContextManager:
        """Return the autocast context of a training step."""
        return torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=self.autocast == "bfloat16")

    def place(self, batch: torch.Tensor) -> torch.Tensor:
        """Move a batch to the device, images in the memory layout that is fastest there."""
        batch = batch.to(self.device, non_blocking=True)
        return batch.contiguous(memory_format=torch.channels_last) if self.channels_last and batch.ndim == 4 else batch
