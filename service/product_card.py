"""Files the trained product network under `models/`: the manifest's entry and the model card."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from service.model_card import enter

NAME = "product-embedding"
TERMS = "Trained by the repository's own code on its own pictures; Apache-2.0 as the repository."
TRAINED_ON = "packages rendered by simulator/product_pictures.py, of training's half"
CARD = """# product-embedding

Turns crops of pictures into unit vectors that are near for one product and far for two, so that a
new product needs pictures in a gallery and no training (`docs/products.md`).

- Net: a residual network with squeeze-and-excitation, {parameters} parameters, from random weights.
- Input: uint8 RGB, (N, {side}, {side}, 3), the crop scaled into the square, 114 around it.
- Output: (N, {dimensions}) unit vectors; cosines over temperature {temperature} are logits,
  "unknown" stands at cosine {unknown_at}, each further crop of a thing counts {correlation}.
- Trained on: {trained_on}: {pictures} pictures of {products} packages, held in hands before
  cameras at the ceiling and as photographed to be enrolled. No photograph and no other weights.
- Calibrated on: {calibrated_on} other packages of training's half, a fifth not enrolled.
- Command: `{command}` ({passes}).
- Terms: {terms}

## Measured

On yet other packages of training's half, a fifth not enrolled, the others from {views} rendered
shop pictures each, seen as crops of 16–96 pixels from hands. Top-1 and top-5 are among the enrolled
ones:

{table}

## Limits

It knows drawn packages: 64 texels a side, no real lettering, no soft goods. Sisters of a family
differ only in a colour, and look alike from above or from the side that bears no print.
Figures on photographs are in `docs/products.md`; train on your own pictures before relying on it
in a real store.
"""


def file_product_weights(
    models: Path, weights: Path, command: str, facts: dict[str, Any], figures: dict[str, Any]
) -> None:
    """Write the entry of the network in the manifest, and its card."""
    entry = {
        "file": weights.name,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "parameters": facts["parameters"],
        "input": {"shape": ["N", facts["side"], facts["side"], 3], "layout": "NHWC RGB uint8"},
        "output": f"N×{facts['dimensions']} unit vectors",
        "trained_by": f"{command} ({facts['passes']})",
        "trained_on": TRAINED_ON,
        "terms": TERMS,
        "figures": rounded(figures),
    }
    enter(models, NAME, entry)
    rows = [f"| {k} | {v} |" for k, v in rounded(figures).items() if not isinstance(v, dict)]
    pooled = [
        f"| {n} crops of one hand: top-1; AUROC of unknown; calibration error"
        f" | {row['top1']}; {row['unknown_auroc']}; {row['ece']} |"
        for n, row in rounded(figures)["pooled"].items()
    ]
    table = "\n".join(["| figure | value |", "| --- | --- |", *rows, *pooled])
    card = CARD.format(**facts, command=command, terms=TERMS, trained_on=TRAINED_ON, table=table)
    (models / f"{NAME}.md").write_text(card, encoding="utf-8")


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures with four digits each, however deep."""
    return {
        k: rounded(v) if isinstance(v, dict) else round(v, 4) if isinstance(v, float) else v
        for k, v in figures.items()
    }
