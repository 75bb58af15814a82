"""Virtual worlds, their sensors, scenes and scoring."""
