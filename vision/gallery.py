"""The gallery of a store's products: prototypes of each from a few pictures, and what a few crops
say of which product they show, or that it is none of them.

A crop's score for a product is the cosine to its nearest prototype over a temperature; "unknown"
competes at a fixed cosine (a prototypical network, Snell et al. 2017, with the temperature scaling
of Guo et al. 2017). Crops of one thing err alike: the first counts whole, each further one by the
correlation factor.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensors.store import normalise_gtin

Vectors = NDArray[np.float32]
Array = NDArray[np.float64]

UNKNOWN = "unknown"
MOST_PROTOTYPES = 64
_KIND = "openaisle product gallery 1"


class GalleryError(Exception):
    """A gallery cannot be used, or not so; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How cosines become probabilities.

    `temperature` divides cosines; `unknown_at` is the cosine at which "unknown" stands;
    `correlation` (0…1) is what a further crop of the same thing counts beside the first.
    """

    temperature: float = 0.07
    unknown_at: float = 0.5
    correlation: float = 0.3

    def __post_init__(self) -> None:
        fine = 0 < self.temperature < 100 and -1 <= self.unknown_at <= 1
        if not (fine and 0 <= self.correlation <= 1):
            raise GalleryError(f"a gallery cannot be scaled by {self}")


class Gallery:
    """Which products are known, by prototypes (unit vectors of one embedding network)."""

    def __init__(self, network: str, dimensions: int, scale: Scale | None = None) -> None:
        self.network = network
        self.dimensions = dimensions
        self.scale = scale or Scale()
        self._prototypes: dict[str, Vectors] = {}
        self._stacked: tuple[Vectors, NDArray[np.intp]] | None = None

    def __len__(self) -> int:
        return len(self._prototypes)

    def gtins(self) -> list[str]:
        """The products' GTIN-14, in the order of `cosines`."""
        return list(self._prototypes)

    def pictures_of(self, gtin: str) -> int:
        """How many prototypes a product has. Raises GalleryError for one that it does not know."""
        return len(self._prototypes[self._known(gtin)])

    def enrol(self, gtin: str, vectors: ArrayLike) -> None:
        """Add prototypes (N, D) of a product, to those that it has already.

        Raises GalleryError where the vectors are not of this network or are too many, and
        ValueError for what is not a GTIN.
        """
        key = normalise_gtin(gtin)
        new = self._checked(vectors)
        if not len(new):
            raise GalleryError(f"product {key}: no pictures")
        held = np.concatenate([self._prototypes[key], new]) if key in self._prototypes else new
        if len(held) > MOST_PROTOTYPES:
            raise GalleryError(
                f"product {key}: {len(held)} pictures are more than {MOST_PROTOTYPES}; "
                "one to ten are enough: remove the product and enrol the best"
            )
        self._prototypes[key] = held
        self._stacked = None

    def remove(self, gtin: str) -> None:
        """Forget a product. Raises GalleryError for one that it does not know."""
        del self._prototypes[self._known(gtin)]
        self._stacked = None

    def cosines(self, vectors: ArrayLike) -> Array:
        """The cosine of each crop's vector (N, D) to each product's nearest prototype, (N, G)."""
        crops = self._checked(vectors)
        if not self._prototypes:
            return np.zeros((len(crops), 0))
        if self._stacked is None:
            counts = [len(v) for v in self._prototypes.values()]
            starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp)
            self._stacked = np.concatenate(list(self._prototypes.values())), starts
        prototypes, starts = self._stacked
        each = crops @ prototypes.T
        nearest: Array = np.maximum.reduceat(each, starts, axis=1).astype(np.float64)
        return nearest

    def scores(self, vectors: ArrayLike, weights: ArrayLike | None = None) -> dict[str, float]:
        """How probable each product is, and "unknown", given crops that show one and the same.

        `vectors` (N, D) are of all frames and cameras; `weights` (N,) ≥ 0 say how much a crop
        tells (its sharpness, its size), 1 for a good one. They sum to 1; without any crop, every
        answer is as probable. Raises GalleryError where they do not fit.
        """
        logits = self.pooled(self.cosines(vectors), weights)
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        return dict(zip([*self._prototypes, UNKNOWN], shares.tolist(), strict=True))

    def pooled(self, cosines: Array, weights: ArrayLike | None = None) -> Array:
        """Log-evidence (G + 1,), up to a constant, of crops with `cosines` (N, G); unknown last."""
        share = np.ones(len(cosines)) if weights is None else np.asarray(weights, dtype=np.float64)
        if share.shape != (len(cosines),) or not np.all(np.isfinite(share) & (share >= 0)):
            raise GalleryError(f"expected {len(cosines)} weights ≥ 0, found {weights!r:.80}")
        logits = self.logits(cosines)
        total = float(share.sum())
        if total <= 0:
            return np.zeros(logits.shape[1])
        first = float(share.max())
        counts = (first + self.scale.correlation * (total - first)) / total
        evidence: Array = counts * (share @ log_softmax(logits))
        return evidence

    def logits(self, cosines: Array) -> Array:
        """Scaled cosines (N, G + 1), unknown last."""
        unknown = np.full((len(cosines), 1), self.scale.unknown_at)
        scaled: Array = np.concatenate([cosines, unknown], axis=1) / self.scale.temperature
        return scaled

    def save(self, path: Path) -> None:
        """Write the gallery as one file (.npz). Raises GalleryError where it cannot."""
        vectors = list(self._prototypes.values())
        try:
            with path.open("wb") as file:
                np.savez(
                    file,
                    kind=np.array(_KIND),
                    network=np.array(self.network),
                    gtins=np.array(list(self._prototypes), dtype="U14"),
                    counts=np.array([len(v) for v in vectors], dtype=np.int64),
                    prototypes=np.concatenate(
                        [np.zeros((0, self.dimensions), np.float32), *vectors]
                    ),
                    scale=np.array(
                        [self.scale.temperature, self.scale.unknown_at, self.scale.correlation]
                    ),
                )
        except OSError as error:
            raise GalleryError(f"{path}: cannot be written: {error.strerror}") from error

    @classmethod
    def load(cls, path: Path, network: str | None = None) -> Gallery:
        """Read a gallery; where `network` is given, only one that was made with it.

        Raises GalleryError naming the file where it is not there, not a gallery or another's.
        """
        try:
            with np.load(path, allow_pickle=False) as held:
                if str(held["kind"]) != _KIND:
                    raise ValueError("its kind is unknown")
                prototypes = held["prototypes"].astype(np.float32)
                gallery = cls(
                    str(held["network"]),
                    int(prototypes.shape[1]),
                    Scale(*(float(v) for v in held["scale"])),
                )
                ends = np.cumsum(held["counts"])[:-1]
                parts = np.split(prototypes, ends) if len(held["gtins"]) else []
                for gtin, own in zip(held["gtins"].tolist(), parts, strict=True):
                    gallery.enrol(gtin, own)
        except OSError as error:
            reason = error.strerror or "not a gallery"
            raise GalleryError(f"{path}: cannot be read: {reason}") from error
        except (
            ValueError,
            KeyError,
            IndexError,
            TypeError,
            EOFError,
            GalleryError,
            zipfile.BadZipFile,
        ) as error:
            raise GalleryError(
                f"{path}: not a gallery of products (`openaisle products enrol` makes one)"
            ) from error
        if network is not None and gallery.network != network:
            raise GalleryError(
                f"{path}: made by another embedding network ({gallery.network}, not {network}); "
                "its vectors mean nothing to this one: enrol the pictures again"
            )
        return gallery

    def _known(self, gtin: str) -> str:
        try:
            key = normalise_gtin(gtin)
        except ValueError as error:
            raise GalleryError(str(error)) from error
        if key not in self._prototypes:
            raise GalleryError(f"product {key} is not in the gallery")
        return key

    def _checked(self, vectors: ArrayLike) -> Vectors:
        found = np.asarray(vectors, dtype=np.float32)
        if found.ndim != 2 or found.shape[1] != self.dimensions:
            raise GalleryError(f"expected vectors (N, {self.dimensions}), found {found.shape}")
        if not np.isfinite(found).all():
            raise GalleryError("vectors must be finite")
        return found


def log_softmax(logits: Array) -> Array:
    """Rows (N, K) as logarithms of probabilities."""
    top = logits.max(axis=1, keepdims=True)
    shifted = logits - top
    logs: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs
