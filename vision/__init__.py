"""Frames in; tracklets, hands and products out."""
