"""The network that finds one person's joints and edges in a crop, as torch trains it and as ONNX
Runtime runs it.

One path down and one up gives a heat map for each joint (Xiao et al., Simple Baselines, ECCV 2018;
Lin et al., FPN, CVPR 2017) from residual blocks (He et al., CVPR 2016); what the whole crop shows,
a front or a back, steers the coarsest maps (as squeeze-and-excitation does, Hu et al., CVPR 2018),
without which left and right cannot be told apart. Each
edge of the box is the mean of a distribution along its axis (Li et al., Generalized Focal Loss,
NeurIPS 2020).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.product_net import need_torch
from vision.detection import JOINTS
from vision.joints import COLUMNS, ROWS, STRIDE

_SHRUNK = ("Conv", "Add", "Relu", "Resize")  # what an 8-bit convolution can be joined with


def build_joint_net() -> Any:
    """A module from (N, 3, 128, 96) of 0…1 to heat maps (N, 17, 32, 24) before their softmax, log
    odds (N, 17) of being visible, edges (N, 4) of what is seen of the person (x0, y0, x1, y1 in
    the crop's pixels), and log odds (N,) that there is one; random weights.

    Raises TrainingUnavailableError."""
    torch = need_torch()
    nn = torch.nn
    module: Any = nn.Module

    def conv(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> Any:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    class Block(module):  # type: ignore[misc]
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first = conv(width, width)
            self.second = conv(width, width)[:2]

        def forward(self, x: Any) -> Any:
            return (x + self.second(self.first(x))).relu()

    class JointNet(module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.at4 = nn.Sequential(conv(3, 16, 3, 2), conv(16, 32, 3, 2), Block(32))
            self.at8 = nn.Sequential(conv(32, 64, 3, 2), Block(64), Block(64))
            self.at16 = nn.Sequential(conv(64, 96, 3, 2), Block(96), Block(96))
            self.at32 = nn.Sequential(conv(96, 128, 3, 2), Block(128))
            self.whole = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 128), nn.ReLU()
            )
            self.gain = nn.Linear(128, 128)
            self.visible = nn.Linear(128, JOINTS)
            self.side32, self.side16, self.side8 = (
                conv(128, 64, 1),
                conv(96, 64, 1),
                conv(64, 48, 1),
            )
            self.side4 = conv(32, 48, 1)
            self.join16, self.join8, self.join4 = conv(64, 48), conv(48, 48), conv(48, 48)
            self.heat = nn.Conv2d(48, JOINTS, 1)
            self.edges = nn.Sequential(conv(48, 32), nn.Conv2d(32, 4, 1))
            self.person = nn.Linear(128, 1)
            self.register_buffer("across", _places(torch, COLUMNS), persistent=False)
            self.register_buffer("down", _places(torch, ROWS), persistent=False)
            self.up = nn.Upsample(scale_factor=2, mode="nearest")

        def forward(self, x: Any) -> tuple[Any, Any, Any, Any]:
            at4 = self.at4(x)
            at8 = self.at8(at4)
            at16 = self.at16(at8)
            at32 = self.at32(at16)
            whole = self.whole(at32)
            at32 = at32 * (1 + self.gain(whole))[:, :, None, None]
            up16 = self.join16(self.up(self.side32(at32)) + self.side16(at16))
            up8 = self.join8(self.up(up16) + self.side8(at8))
            up4 = self.join4(self.up(up8) + self.side4(at4))
            box = self.box(self.edges(up4).float())
            return self.heat(up4), self.visible(whole), box, self.person(whole)[:, 0]

        def box(self, maps: Any) -> Any:
            sides = maps[:, 0::2].logsumexp(2).softmax(2) @ self.across
            ends = maps[:, 1::2].logsumexp(3).softmax(2) @ self.down
            return torch.stack([sides[:, 0], ends[:, 0], sides[:, 1], ends[:, 1]], 1)

    return JointNet()


def _places(torch: Any, length_px: int) -> Any:
    """The middles of the cells along an axis of a map, in pixels of the crop; those at both ends
    stand for all that lies beyond."""
    cells = length_px // STRIDE
    places = torch.arange(cells) * float(STRIDE) + (STRIDE - 1) / 2
    places[0], places[-1] = -0.5, length_px - 0.5
    return places


def export_joint_net(net: Any, path: Path) -> None:
    """Write the network as ONNX: `crops` (N, 128, 96, 3) uint8 to `heat` (N, 17, 32, 24) before
    its softmax, `visible` (N, 17) probabilities, `box` (N, 4) in pixels of the crop and `person`
    (N,) probabilities; any number of crops at once."""
    torch = need_torch()
    import onnx  # noqa: PLC0415

    class Whole(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, crops: Any) -> tuple[Any, Any, Any, Any]:
            heat, visible, box, person = self.net(crops.permute(0, 3, 1, 2).float() / 255.0)
            return heat, visible.sigmoid(), box, person.sigmoid()

    net.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("crops", "heat", "visible", "box", "person")
    torch.onnx.export(
        Whole().eval(),
        (torch.from_numpy(np.zeros((2, ROWS, COLUMNS, 3), dtype=np.uint8)),),
        str(path),
        input_names=list(names[:1]),
        output_names=list(names[1:]),
        dynamic_axes={name: {0: "n"} for name in names},
        opset_version=17,
        dynamo=False,
    )
    onnx.checker.check_model(onnx.load(str(path)))


def shrink_joint_net(path: Path, crops: Sequence[NDArray[np.uint8]]) -> None:
    """Let the convolutions of the network at `path` count in 8 bits, in place: twice as fast on
    processors with instructions for it, at hardly any loss. `crops`, batches of (N, 128, 96, 3),
    show the ranges that the numbers take (Jacob et al., CVPR 2018); the maps of joints and edges
    stay in floats.
    """
    need_torch()
    import onnx  # noqa: PLC0415
    from onnxruntime.quantization import (  # noqa: PLC0415
        CalibrationDataReader,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    class Shown(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(crops)

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            batch = next(self.left, None)
            return None if batch is None else {"crops": batch}

    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(str(path), str(ready), skip_symbolic_shape=True)
        kept = [
            node.name
            for node in onnx.load(str(ready)).graph.node
            if node.op_type not in _SHRUNK or "/heat/" in node.name or "/edges.1/" in node.name
        ]
        quantize_static(
            str(ready),
            str(path),
            Shown(),
            per_channel=True,
            reduce_range=True,  # or sums run over on processors without 8-bit instructions
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=kept,
        )
