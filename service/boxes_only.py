"""Cuts what a second look makes needless off an exported pose network: its boxes are left, exactly.

Where joints come from another network, those of the pose network are computed for nothing. And an
export works out the four edges of a box, each a mean over sixteen bins (Li et al., Generalized
Focal Loss, NeurIPS 2020), at all of its 1,680 places, most of which show nobody: here it is done
for the `MOST` best alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

MOST = 128  # places that may show somebody; a crowded picture had 54 above the least score
SUFFIX = ".boxes.onnx"


class ExportUnknown(Exception):
    """A file is no pose network as ultralytics exports it; the message says what is missing."""


def boxes_only(pose: Path) -> Path:
    """Write `NAME.boxes.onnx` beside the export `NAME.onnx`: output (1, 5, 128) of centre, size and
    score, best first. Raises ExportUnknown."""
    import onnx  # noqa: PLC0415

    model = onnx.load(str(pose))
    graph = model.graph
    made_by = {output: node for node in graph.node for output in node.output}
    last = made_by[graph.output[0].name]
    try:
        edges, scores, _ = last.input
        softmax = _before(made_by, edges, "Softmax")
        bins = made_by[made_by[softmax.input[0]].input[0]]  # a transpose, and a reshape before it
    except (ValueError, KeyError):
        raise ExportUnknown(
            f"{pose}: expected boxes from distributions, scores and keypoints, joined in the last "
            f"node; found {last.op_type} of {', '.join(last.input)}"
        ) from None
    best = [
        onnx.helper.make_node("TopK", [scores, "most"], ["best.scores", "best.at"], axis=2),
        onnx.helper.make_node("Reshape", ["best.at", "most"], ["best"]),
    ]
    places = graph.output[0].type.tensor_type.shape.dim[2].dim_value
    _gather(graph, best, bins, bins.input[0], axis=2)
    _narrow(graph, best, _nodes_before(made_by, edges, bins), places)
    last.input[:] = [edges, "best.scores"]
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([MOST], np.int64), "most"))
    for dim, size in zip(graph.output[0].type.tensor_type.shape.dim[1:], (5, MOST), strict=True):
        dim.dim_value = size
    _drop_dead(graph, last, best)
    for note in model.metadata_props:
        if note.key == "task":
            note.value = "detect"
    onnx.checker.check_model(model)
    out = pose.with_suffix(SUFFIX)
    onnx.save(model, str(out))
    return out


def _before(made_by: dict[str, Any], tensor: str, kind: str) -> Any:
    """The nearest node of that kind that `tensor` is made from; ValueError if there is none."""
    todo = [tensor]
    for name in todo:
        node = made_by.get(name)
        if node is None:
            continue
        if node.op_type == kind:
            return node
        todo += node.input
    raise ValueError(kind)


def _nodes_before(made_by: dict[str, Any], tensor: str, first: Any) -> list[Any]:
    """The nodes from `first` on that `tensor` is made from."""
    nodes, todo = [first], [tensor]
    for name in todo:
        node = made_by.get(name)
        if node is not None and node not in nodes:
            nodes.append(node)
            todo += node.input
    return nodes


def _gather(graph: Any, best: list[Any], user: Any, name: str, axis: int) -> None:
    """Let `user` take the best columns of the tensor `name`."""
    import onnx  # noqa: PLC0415

    chosen = f"{name}.best"
    if not any(chosen in node.output for node in best):
        best.append(onnx.helper.make_node("Gather", [name, "best"], [chosen], axis=axis))
    user.input[:] = [chosen if one == name else one for one in user.input]


def _narrow(graph: Any, best: list[Any], nodes: Sequence[Any], places: int) -> None:
    """Make what `nodes` know of all `places` hold for the best of them."""
    import onnx  # noqa: PLC0415

    fixed = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    for node in nodes:
        for name in set(node.input) & fixed.keys():
            values = fixed[name]
            if places in values.shape:
                _gather(graph, best, node, name, values.shape.index(places))
            elif values.dtype == np.int64 and node.op_type == "Reshape" and places in values:
                shape = np.where(values == places, MOST, values)
                graph.initializer.append(onnx.numpy_helper.from_array(shape, f"{name}.best"))
                node.input[1] = f"{name}.best"


def _drop_dead(graph: Any, last: Any, added: Sequence[Any]) -> None:
    """Keep the nodes and weights that the last node is made from, each after what it takes."""
    made_by = {output: node for node in [*graph.node, *added] for output in node.output}
    order: list[Any] = []
    done: set[str] = set()
    todo = [(last, False)]
    while todo:
        node, ready = todo.pop()
        if ready:
            order.append(node)
        elif node.output[0] not in done:
            done.add(node.output[0])
            todo.append((node, True))
            todo += [(made_by[name], False) for name in node.input if name in made_by]
    used = {name for node in order for name in node.input}
    weights = [one for one in graph.initializer if one.name in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(order)
    graph.initializer.extend(weights)
