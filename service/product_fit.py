"""Fits the network that embeds products to labelled pictures, from random weights.

Each product gets a proxy, a unit vector; a picture's vector is classified by its cosines to them
(normalised softmax, Wang et al. 2017), so that what is learnt is a metric. Labels are smoothed, and
where products have coarser groups, these are learnt too, as sums over their products.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.product_augment import Augment, mix, views
from service.product_net import NetShape, build_net, need_torch

Bytes = NDArray[np.uint8]
Labels = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how hard to learn; the pictures' side grows from `sides_px[0]` to the last."""

    shape: NetShape
    epochs: int
    sides_px: tuple[int, ...]
    augment: Augment
    batch: int = 64
    rate: float = 0.1
    decay: float = 1e-3
    sharpness: float = 20.0  # what cosines are multiplied by
    smoothing: float = 0.1
    group_share: float = 0.3
    averaged: float = 0.995


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained network, as `build_net` makes it, the proxies (classes, D) of its products, and
    how often it saw each picture."""

    net: Any
    proxies: NDArray[np.float32]
    passes: float


def fit(
    pictures: Sequence[Bytes],
    labels: Labels,
    groups: Labels | None,
    recipe: Recipe,
    seed: int,
    threads: int,
    say: Callable[[str], None],
    minutes: float | None = None,
) -> Fitted:
    """Train on `pictures` of the products `labels` (N,), 0…K-1.

    `groups` (K,) are the products' coarser groups. After `minutes`, training has come to its end
    with however many passes it made: rates and sides follow the time where it is the shorter.
    Raises TrainingUnavailableError without torch.
    """
    torch = need_torch()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 17])
    classes = int(labels.max()) + 1
    net = build_net(recipe.shape)
    proxies = torch.nn.Parameter(torch.randn(classes, recipe.shape.dimensions) * 0.1)
    belongs = None
    if groups is not None:
        belongs = torch.from_numpy(np.eye(int(groups.max()) + 1, dtype=np.float32)[groups])
    matrices = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.SGD(
        [
            {"params": matrices, "weight_decay": recipe.decay},
            {"params": [*others, proxies], "weight_decay": 0.0},
        ],
        lr=recipe.rate,
        momentum=0.9,
        nesterov=True,
    )
    mean = copy.deepcopy(net).eval()
    mean_proxies = proxies.detach().clone()
    per_epoch = max(1, len(pictures) // recipe.batch)
    steps, step, began = per_epoch * recipe.epochs, 0, time.monotonic()
    limit_s = math.inf if minutes is None else 60 * minutes
    net.train()
    for epoch in range(recipe.epochs):
        order = rng.permutation(len(pictures))
        total, made = 0.0, 0
        for k in range(per_epoch):
            done = max(step / steps, (time.monotonic() - began) / limit_s)
            if done >= 1:
                break
            side = recipe.sides_px[int(done * len(recipe.sides_px))]
            chosen = order[k * recipe.batch : (k + 1) * recipe.batch]
            x = views([pictures[i] for i in chosen], side, recipe.augment, rng)
            first = labels[chosen]
            x, second, share = mix(x, first, recipe.augment, rng)
            for part in optimiser.param_groups:
                part["lr"] = recipe.rate * one_cycle(done)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                vectors = net(torch.from_numpy(x))
            cosines = vectors.float() @ torch.nn.functional.normalize(proxies, dim=1).T
            logs = torch.log_softmax(recipe.sharpness * cosines, dim=1)
            loss = share * _loss(torch, logs, first, belongs, groups, recipe)
            if share < 1:
                loss = loss + (1 - share) * _loss(torch, logs, second, belongs, groups, recipe)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            step += 1
            made += 1
            keep = min(recipe.averaged, step / (step + 20))
            _average(torch, mean, net, keep)
            mean_proxies.lerp_(proxies.detach(), 1 - keep)
            total += float(loss.detach())
        spent = time.monotonic() - began
        say(
            f"pass {epoch + 1} of {recipe.epochs}, {side} px: "
            f"loss {total / max(1, made):.3f}, {spent:.0f} s"
        )
        if done >= 1:
            break
    return Fitted(mean, _unit(mean_proxies.numpy()), step / per_epoch)


def one_cycle(done: float) -> float:
    """The share of the highest rate after `done` (0…1) of the training."""
    warm = 0.1
    if done < warm:
        return 0.04 + 0.96 * done / warm
    return 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm))) + 1e-3


def _loss(
    torch: Any, logs: Any, labels: Labels, belongs: Any, groups: Labels | None, recipe: Recipe
) -> Any:
    at = torch.arange(len(labels))
    own = -logs[at, torch.from_numpy(labels)].mean()
    loss = (1 - recipe.smoothing) * own - recipe.smoothing * logs.mean()
    if groups is not None:
        shares = torch.log(logs.exp() @ belongs + 1e-7)
        loss = loss - recipe.group_share * shares[at, torch.from_numpy(groups[labels])].mean()
    return loss


def _average(torch: Any, mean: Any, net: Any, keep: float) -> None:
    with torch.no_grad():
        for a, b in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - keep)
            else:
                a.copy_(b)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (rows / np.maximum(lengths, 1e-9)).astype(np.float32)
    return unit
