"""Misuse of the loop itself: what is wrong by the way it is used, whether or not it blocks. One kind a module."""
