"""The network that embeds products, as torch trains it and as ONNX Runtime runs it.

A residual network (He et al. 2016) with the stem and shortcuts of ResNet-D (He et al. 2019) and
squeeze-and-excitation (Hu et al. 2018), pooled and projected to a unit vector. It takes uint8
pictures as they are, so that nothing about scaling has to be known beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from service.train_pose import TrainingUnavailableError

MEAN, SPREAD = (120.0, 112.0, 104.0), 62.0  # of pictures of groceries, roughly


@dataclass(frozen=True, slots=True)
class NetShape:
    """How wide and deep: channels of each stage, residual blocks in each, the vector's length, and
    whether the stem halves the picture twice."""

    channels: tuple[int, ...]
    blocks: int
    dimensions: int
    halve_twice: bool


def need_torch() -> Any:
    """The module torch. Raises TrainingUnavailableError where it is not installed."""
    try:
        import torch  # noqa: PLC0415
    except ImportError as error:
        raise TrainingUnavailableError(
            "training needs torch: pip install 'openaisle[train]'"
        ) from error
    return torch


def build_net(shape: NetShape) -> Any:
    """A module from (N, S, S, 3) of 0…255 to unit vectors (N, D); random weights."""
    torch = need_torch()
    nn = torch.nn
    Module: Any = nn.Module

    def joined(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> Any:
        conv = nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outputs))

    class Block(Module):  # type: ignore[misc]
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.first = joined(inputs, outputs, 3, stride)
            self.second = joined(outputs, outputs)
            nn.init.zeros_(self.second[1].weight)  # begins as its shortcut
            squeezed = max(8, outputs // 8)
            self.excite = nn.Sequential(
                nn.Conv2d(outputs, squeezed, 1),
                nn.ReLU(),
                nn.Conv2d(squeezed, outputs, 1),
                nn.Sigmoid(),
            )
            self.short = nn.Identity()
            if stride > 1 or inputs != outputs:
                halved = nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)  # odd sides too
                pool = halved if stride > 1 else nn.Identity()
                self.short = nn.Sequential(pool, joined(inputs, outputs, 1))

        def forward(self, x: Any) -> Any:
            y = self.second(torch.relu(self.first(x)))
            y = y * self.excite(y.mean(dim=(2, 3), keepdim=True))
            return torch.relu(y + self.short(x))

    class Net(Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            width = shape.channels[0]
            stem = [joined(3, width // 2, 3, 2), nn.ReLU(), joined(width // 2, width), nn.ReLU()]
            if shape.halve_twice:
                stem.append(nn.MaxPool2d(3, 2, 1))
            self.stem = nn.Sequential(*stem)
            stages = []
            for k, channels in enumerate(shape.channels):
                for i in range(shape.blocks):
                    stages.append(Block(width, channels, 2 if k and not i else 1))
                    width = channels
            self.stages = nn.Sequential(*stages)
            self.head = nn.Linear(width, shape.dimensions)
            self.neck = nn.BatchNorm1d(shape.dimensions)
            self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))

        def forward(self, pictures: Any) -> Any:
            x = (pictures.permute(0, 3, 1, 2).to(torch.float32) - self.mean) / SPREAD
            features = self.stages(self.stem(x)).mean(dim=(2, 3))
            vectors = self.neck(self.head(features)).to(torch.float32)
            return nn.functional.normalize(vectors, dim=1)

    return Net().to(memory_format=torch.channels_last)


def export_net(net: Any, side_px: int, path: Path, notes: dict[str, str]) -> None:
    """Write the network as ONNX for squares of `side_px`, any number at once, with `notes`."""
    torch = need_torch()
    import onnx  # noqa: PLC0415

    net.eval()
    example = torch.from_numpy(np.zeros((2, side_px, side_px, 3), dtype=np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        net,
        (example,),
        str(path),
        input_names=["crops"],
        output_names=["vectors"],
        dynamic_axes={"crops": {0: "n"}, "vectors": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    write_notes(path, notes)
    onnx.checker.check_model(onnx.load(str(path)))


def write_notes(path: Path, notes: dict[str, str]) -> None:
    """Set the notes that a network carries in its file."""
    need_torch()
    import onnx  # noqa: PLC0415

    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, notes)
    onnx.save(model, str(path))


def parameters_in(path: Path) -> int:
    """How many numbers a network's file holds: what it learnt, with norms folded in or beside."""
    need_torch()
    import onnx  # noqa: PLC0415

    return sum(int(np.prod(t.dims)) for t in onnx.load(str(path)).graph.initializer)
