"""Where a training runs: one process alone, or several that ``torchrun`` started.

    torchrun --nproc-per-node 2 -m train.fit --name ...

Alone, every function here does nothing. Together, every process draws its own augmentation, sees
its own share of each batch and takes the same step; the first one decides and writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

SEED_STEP = 1000  # between the seeds of processes: seeds below it never meet
ROOM = 0.5  # of the GPU's free memory that films may take


@dataclass(frozen=True)
class Place:
    """This process among its equals, and the device it computes on."""

    rank: int
    world: int
    device: torch.device

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def seed(self, seed: int) -> int:
        """This process's own seed; the first one's is the seed itself."""
        return seed + SEED_STEP * self.rank

    def generator(self, seed: int) -> torch.Generator:
        """This process's own source of chance, on its device."""
        return torch.Generator(self.device).manual_seed(self.seed(seed))

    def bf16(self, wanted: bool | None) -> bool:
        """Whether to compute in bfloat16: as wanted, else where the processor has it."""
        if wanted is not None:
            return wanted
        # Emulated, it costs twice the time of float32. torch has no public name for this question.
        cpu = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return self.device.type == "cuda" or cpu

    def resident(self, tensor: Tensor) -> Tensor:
        """A tensor on the device where there is room for it, else where it is."""
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            return tensor.to(self.device) if tensor.nbytes < ROOM * free else tensor
        return tensor

    def take(self, tensor: Tensor, index: Tensor) -> Tensor:
        """Some rows of a tensor, wherever it lives, on the device."""
        return tensor[index.to(tensor.device)].to(self.device)

    def parallel(self, network: nn.Module) -> nn.Module:
        """The network as one whose gradients are averaged over the processes."""
        return network if self.world == 1 else DistributedDataParallel(network)

    def agreed(self, tensor: Tensor) -> Tensor:
        """The first process's values, on every process."""
        if self.world > 1:
            distributed.broadcast(tensor, src=0)
        return tensor

    def mean(self, tensor: Tensor) -> Tensor:
        """The mean over all processes."""
        if self.world > 1:
            distributed.all_reduce(tensor)
        return tensor / self.world

    def of_all(self, tensor: Tensor) -> list[Tensor]:
        """Every process's CPU tensor, in order of rank."""
        if self.world == 1:
            return [tensor]
        mine = tensor.to(self.device)
        every = [torch.empty_like(mine) for _ in range(self.world)]
        distributed.all_gather(every, mine)
        return [one.cpu() for one in every]

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """Let the first process fill the caches that the others then read."""
        if self.world > 1 and not self.leads:
            distributed.barrier()
        yield
        if self.world > 1 and self.leads:
            distributed.barrier()


@contextmanager
def joined(device: str) -> Iterator[Place]:
    """Join the processes that torchrun started, if it did; ``device`` is auto, cpu or cuda."""
    world, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    here = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(here)
    if world == 1:
        yield Place(0, 1, here)
        return
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Place(distributed.get_rank(), world, here)
    finally:
        distributed.destroy_process_group()
