"""Breaks of the product that its tests must catch."""
