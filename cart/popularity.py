"""What is bought how often, by the store's verified purchases and by a shopper's own.

Both are Dirichlet posteriors, one on top of the other (as in MacKay, Peto: A Hierarchical Dirichlet
Language Model, 1995): the store's prior is even over its products, a shopper's is what it sells.

    popular(g) = (n_g + S/K) / (n + S)
    share(g)   = (m_g + H·popular(g)) / (m + H)

n counts verified units of the store, m units that the shopper has bought, K the products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

STORE_STRENGTH = 200.0  # S: verified units before the store's own counts weigh half
SHOPPER_STRENGTH = 20.0  # H


def popular(verified: Counter[str], gtin: str, products: int) -> float:
    """P(the next unit that is bought in the store is of this product)."""
    return (verified[gtin] + STORE_STRENGTH / products) / (verified.total() + STORE_STRENGTH)


def share(bought: Mapping[str, int], gtin: str, popularity: float) -> float:
    """P(the next unit that a shopper buys is of this product, that is so popular)."""
    total = sum(bought.values())
    return (bought.get(gtin, 0) + SHOPPER_STRENGTH * popularity) / (total + SHOPPER_STRENGTH)
