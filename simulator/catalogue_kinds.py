"""The kinds of articles that generated stores sell: packaging, shape, flavours and colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["box", "can", "bottle", "bag"]
Shape = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Packaging:
    """What holds the goods: `form` as it is drawn, mass in grams as `fixed_g + share · net`, and
    the proportions of width, depth and height."""

    form: Form
    fixed_g: float
    share: float
    shape: Shape


FILM = Packaging("bag", 2.0, 0.012, (0.16, 0.06, 0.22))
POUCH = Packaging("bag", 4.0, 0.02, (0.10, 0.06, 0.15))
CARTON = Packaging("box", 5.0, 0.08, (0.13, 0.055, 0.19))
BAR = Packaging("box", 1.5, 0.03, (0.12, 0.055, 0.035))
BRICK = Packaging("box", 7.0, 0.026, (0.07, 0.07, 0.165))
TUB = Packaging("can", 5.0, 0.035, (0.095, 0.095, 0.07))
TIN = Packaging("can", 10.0, 0.12, (0.075, 0.075, 0.11))
FLAT_TIN = Packaging("can", 8.0, 0.12, (0.085, 0.085, 0.035))
ALUMINIUM = Packaging("can", 9.5, 0.012, (0.062, 0.062, 0.125))
JAR = Packaging("can", 60.0, 0.42, (0.075, 0.075, 0.11))
PET = Packaging("bottle", 10.0, 0.022, (0.068, 0.068, 0.22))
GLASS = Packaging("bottle", 90.0, 0.5, (0.072, 0.072, 0.28))
FLASK = Packaging("bottle", 14.0, 0.06, (0.075, 0.055, 0.20))
SPRAY = Packaging("can", 22.0, 0.1, (0.05, 0.05, 0.16))
TUBE = Packaging("box", 6.0, 0.06, (0.055, 0.04, 0.15))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of article of a category: the quantities it is sold in, its flavours, the mass of a
    unit of quantity, how much of it a cubic centimetre of package holds, and which part of its
    category's prices it costs."""

    name: str
    category: str
    packaging: Packaging
    nets: tuple[int, int]
    flavours: tuple[str, ...]
    density: float = 1.0
    bulk: float = 0.9
    prices: tuple[float, float] = (0.0, 1.0)


_FRUIT = ("Lemon", "Peach", "Cherry", "Orange", "Apple", "Berry", "Mint")
_SCENTS = ("Lavender", "Aloe", "Citrus", "Rose", "Ocean", "Coconut")
_SWEET = ("Milk", "Dark", "Hazelnut", "White", "Caramel", "Coconut")

KINDS = (
    Kind("Crisps", "food", FILM, (30, 290), ("Paprika", "Salted", "Cheese", "Chili"), bulk=0.12),
    Kind("Nuts", "food", POUCH, (25, 400), ("Salted", "Honey", "Chili", "Plain"), bulk=0.55),
    Kind("Sweets", "food", POUCH, (10, 400), (*_FRUIT, "Liquorice"), bulk=0.6),
    Kind("Chocolate", "food", BAR, (15, 300), _SWEET, bulk=0.75),
    Kind("Cereal bar", "food", BAR, (18, 120), ("Honey", "Berry", "Apple", "Hazelnut"), bulk=0.6),
    Kind("Biscuits", "food", CARTON, (80, 600), (*_SWEET, "Butter"), bulk=0.4),
    Kind("Muesli", "food", CARTON, (200, 1000), ("Berry", "Hazelnut", "Apple", "Honey"), bulk=0.3),
    Kind("Pasta", "food", POUCH, (250, 1000), ("Penne", "Fusilli", "Shells", "Ribbons"), bulk=0.45),
    Kind("Rice", "food", CARTON, (400, 2000), ("Long", "Round", "Brown"), bulk=0.8),
    Kind("Flour", "food", CARTON, (800, 2000), ("Plain", "Rye", "Spelt"), bulk=0.75),
    Kind("Soup", "food", TIN, (200, 850), ("Tomato", "Lentil", "Chicken", "Mushroom")),
    Kind("Beans", "food", TIN, (150, 850), ("White", "Red", "Green", "Chili")),
    Kind("Fish in oil", "food", FLAT_TIN, (60, 200), ("Plain", "Lemon", "Tomato", "Chili")),
    Kind("Jam", "food", JAR, (150, 720), _FRUIT, bulk=1.15),
    Kind("Pesto", "food", JAR, (90, 350), ("Basil", "Tomato", "Chili")),
    Kind("Coffee", "food", POUCH, (100, 1000), ("Mild", "Dark", "Plain"), bulk=0.45),
    Kind("Tea", "food", CARTON, (20, 100), ("Mint", "Green", "Lemon", "Berry"), bulk=0.2),
    Kind("Seasoning", "food", POUCH, (10, 80), ("Basil", "Paprika", "Chili", "Pepper"), bulk=0.5),
    Kind("Ketchup", "food", FLASK, (200, 1000), ("Mild", "Chili", "Curry"), bulk=1.05),
    Kind("Yoghurt", "food", TUB, (100, 500), ("Plain", *_FRUIT[:4], "Vanilla"), bulk=1.0),
    Kind("Cheese", "food", CARTON, (80, 500), ("Mild", "Salted", "Pepper"), bulk=0.8),
    Kind("Oil", "liquid food", GLASS, (230, 1000), ("Olive", "Sunflower", "Pumpkin"), 0.92),
    Kind("Milk", "liquid food", BRICK, (200, 2000), ("Whole", "Light", "Oat", "Almond"), 1.03),
    Kind("Cream", "liquid food", BRICK, (75, 500), ("Plain", "Light", "Oat"), 1.01),
    Kind("Ice cream", "liquid food", TUB, (60, 1650), ("Vanilla", *_SWEET[:3]), 0.55),
    Kind("Vinegar", "liquid food", PET, (250, 1000), ("Apple", "Wine", "Herbs"), 1.01),
    Kind("Sauce", "liquid food", FLASK, (15, 500), ("Soy", "Chili", "Curry"), 1.1),
    Kind("Water", "drinks", PET, (250, 2000), ("Still", "Sparkling", "Lemon"), prices=(0.0, 0.2)),
    Kind("Cola", "drinks", ALUMINIUM, (200, 355), ("Classic", "Zero", "Cherry"), prices=(0, 0.4)),
    Kind(
        "Energy drink",
        "drinks",
        ALUMINIUM,
        (240, 500),
        ("Classic", *_FRUIT[2:6]),
        prices=(0.1, 0.6),
    ),
    Kind("Lemonade", "drinks", PET, (200, 2000), _FRUIT, 1.03, prices=(0.05, 0.5)),
    Kind("Iced tea", "drinks", PET, (250, 2000), _FRUIT, 1.02, prices=(0.1, 0.55)),
    Kind("Juice", "drinks", BRICK, (200, 2000), _FRUIT[1:6], 1.04, prices=(0.1, 0.65)),
    Kind("Smoothie", "drinks", FLASK, (20, 350), _FRUIT[1:6], 1.05, prices=(0.3, 0.65)),
    Kind("Beer", "drinks", ALUMINIUM, (330, 500), ("Pale", "Dark", "Zero"), prices=(0.1, 0.55)),
    Kind("Wine", "drinks", GLASS, (700, 1000), ("Red", "White", "Rose"), prices=(0.6, 1.0)),
    Kind("Cider", "drinks", GLASS, (500, 1000), ("Apple", "Cherry", "Peach"), prices=(0.6, 0.9)),
    Kind("Liqueur", "drinks", GLASS, (200, 1000), ("Herbs", "Cherry", "Honey"), prices=(0.75, 1)),
    Kind("Syrup", "drinks", GLASS, (500, 750), _FRUIT, 1.25, prices=(0.4, 0.8)),
    Kind("Bitters", "drinks", GLASS, (20, 750), ("Herbs", "Orange", "Dark"), 0.96, prices=(0.7, 1)),
    Kind("Shampoo", "cosmetics", FLASK, (50, 500), _SCENTS, 1.02),
    Kind("Shower gel", "cosmetics", FLASK, (150, 1000), _SCENTS, 1.03),
    Kind("Hand cream", "cosmetics", TUBE, (10, 150), _SCENTS),
    Kind("Deodorant", "cosmetics", SPRAY, (30, 250), _SCENTS, 0.7),
    Kind("Toothpaste", "cosmetics", TUBE, (50, 125), ("Mint", "Herbs", "Citrus"), 1.3),
    Kind("Body lotion", "cosmetics", FLASK, (200, 1000), _SCENTS),
    Kind("Washing-up liquid", "cleaning", FLASK, (250, 1000), _SCENTS, 1.03),
    Kind("Glass cleaner", "cleaning", FLASK, (300, 1000), _SCENTS[2:5]),
    Kind("Detergent", "cleaning", FLASK, (650, 2000), _SCENTS, 1.05),
    Kind("Room scent", "cleaning", SPRAY, (50, 400), _SCENTS, 0.75),
    Kind("Cat food", "household", TUB, (50, 120), ("Chicken", "Fish", "Beef")),
    Kind("Dog food", "household", TIN, (300, 1250), ("Chicken", "Lamb", "Beef")),
    Kind("Dry food", "household", POUCH, (120, 2000), ("Chicken", "Fish", "Lamb"), bulk=0.4),
    Kind("Candles", "household", CARTON, (10, 400), ("Vanilla", "Rose", "Ocean"), bulk=0.5),
)

COLOURS = {
    "Almond": "#c9a27a",
    "Aloe": "#6fae5c",
    "Apple": "#8fc740",
    "Basil": "#2f7d3b",
    "Beef": "#8c3b2e",
    "Berry": "#7a2a6b",
    "Brown": "#8a5a34",
    "Butter": "#f0cf6a",
    "Caramel": "#c77a2b",
    "Cheese": "#f2b632",
    "Cherry": "#a3143c",
    "Chicken": "#e6a23c",
    "Chili": "#d0281f",
    "Citrus": "#e8d12a",
    "Classic": "#c0182a",
    "Coconut": "#e9eef0",
    "Curry": "#d79a1e",
    "Dark": "#3a241c",
    "Fish": "#2f7fb5",
    "Fusilli": "#2f9e8f",
    "Green": "#4b9b4a",
    "Hazelnut": "#8d5b33",
    "Herbs": "#4f7a4a",
    "Honey": "#e5a823",
    "Lamb": "#7b5c91",
    "Lavender": "#8f7cc3",
    "Lemon": "#f2d21b",
    "Lentil": "#c46a2d",
    "Light": "#a9d3ea",
    "Liquorice": "#2b2b30",
    "Long": "#3b74b9",
    "Mild": "#d9734e",
    "Milk": "#5b7fc7",
    "Mint": "#3fae8a",
    "Mushroom": "#9a8672",
    "Oat": "#d8c49a",
    "Ocean": "#2a8fb8",
    "Olive": "#7f8a2d",
    "Orange": "#f08a1d",
    "Pale": "#e4c04a",
    "Paprika": "#e2502a",
    "Peach": "#f29a6b",
    "Penne": "#2b5fa8",
    "Pepper": "#4a4a4f",
    "Plain": "#4f86c6",
    "Pumpkin": "#d9772b",
    "Red": "#8e1f33",
    "Ribbons": "#8b2f5e",
    "Rose": "#e79ab2",
    "Round": "#4f9a56",
    "Rye": "#7a5b3e",
    "Salted": "#2f6fb0",
    "Shells": "#d48b2a",
    "Soy": "#4a2c22",
    "Sparkling": "#1f9bb8",
    "Spelt": "#b58f4e",
    "Still": "#2e7fc2",
    "Sunflower": "#f0c52a",
    "Tomato": "#d33b2c",
    "Vanilla": "#f3e2a9",
    "White": "#ecebe6",
    "Whole": "#3c6fc0",
    "Wine": "#6d2244",
    "Zero": "#26262b",
}
