"""Turns our exported detector back into a network that can be trained on.

An export folds each batch norm into the convolution before it. To train on, the norms are put back
so that they change nothing at first: their means and variances are measured on pictures, and their
gains and offsets undo exactly those.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from service.pose_score import PAD_RGB

BATCH = 16
LEAST_VARIANCE = 1e-6


class StartUnusable(Exception):
    """Weights to start from do not fit the network; the message says what is missing."""


def restore(net: Any, weights: Path, pictures: Sequence[Path], input_px: tuple[int, int]) -> None:
    """Fill `net`, an ultralytics model, with the weights of its export and measured batch norms.

    `pictures` are files of 320×240, a hundred or so; `input_px` rows and columns of the input.
    Raises StartUnusable where a convolution of `net` is not in the file.
    """
    import torch  # noqa: PLC0415

    convolutions = _load(net, weights)
    sums: dict[str, list[Any]] = {}

    def measure(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            found = sums.setdefault(name, [0.0, 0.0, 0])
            found[0] = found[0] + output.double().sum((0, 2, 3))
            found[1] = found[1] + (output.double() ** 2).sum((0, 2, 3))
            found[2] += output.numel() // output.shape[1]

        return hook

    hooks = [m.conv.register_forward_hook(measure(name)) for name, m in convolutions.items()]
    net.eval()
    with torch.no_grad():
        for first in range(0, len(pictures), BATCH):
            batch = np.stack([_blob(path, input_px) for path in pictures[first : first + BATCH]])
            net(torch.from_numpy(batch))
    for hook in hooks:
        hook.remove()
    for name, module in convolutions.items():
        total, squares, count = sums[name]
        mean = total / count
        variance = (squares / count - mean**2).clamp(min=LEAST_VARIANCE)
        norm = module.bn
        norm.running_mean.copy_(mean.float())
        norm.running_var.copy_(variance.float())
        norm.weight.data = (variance + norm.eps).sqrt().float()
        norm.bias.data = norm.bias.data + mean.float()


def _load(net: Any, weights: Path) -> dict[str, Any]:
    """Load what the file has; the normed convolutions by name, whose norms only add a bias yet."""
    import onnx  # noqa: PLC0415
    import torch  # noqa: PLC0415

    try:
        graph = onnx.load(str(weights)).graph
    except Exception as error:  # whatever protobuf makes of a file that is no network
        raise StartUnusable(f"{weights}: not an ONNX network ({error})") from error
    held = {i.name: torch.tensor(onnx.numpy_helper.to_array(i)) for i in graph.initializer}

    def of(name: str, like: Any) -> Any:
        if name not in held or held[name].shape != like.shape:
            raise StartUnusable(
                f"{weights}: no {name} of shape {tuple(like.shape)}; expected weights that "
                "`openaisle train pose` exported"
            )
        return held[name].clone()

    convolutions = {}
    for name, module in net.named_modules():
        if hasattr(module, "conv") and hasattr(module, "bn"):
            module.conv.weight.data = of(f"{name}.conv.weight", module.conv.weight)
            norm = module.bn
            norm.running_mean.zero_()
            norm.running_var.fill_(1.0)
            norm.weight.data.fill_((1.0 + norm.eps) ** 0.5)
            norm.bias.data = of(f"{name}.conv.bias", norm.bias)
            convolutions[name] = module
        elif isinstance(module, torch.nn.Conv2d) and not name.endswith(".conv"):
            module.weight.data = of(f"{name}.weight", module.weight)
            if module.bias is not None:
                module.bias.data = of(f"{name}.bias", module.bias)
    return convolutions


def _blob(path: Path, input_px: tuple[int, int]) -> Any:
    picture = cv2.imread(str(path))
    if picture is None:
        raise OSError(f"{path}: not a picture")
    canvas = np.full((*input_px, 3), PAD_RGB, np.uint8)
    top = (input_px[0] - picture.shape[0]) // 2
    canvas[top : top + picture.shape[0]] = picture[..., ::-1]
    return canvas.transpose(2, 0, 1).astype(np.float32) / 255.0
