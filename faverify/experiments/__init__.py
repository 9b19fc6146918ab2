"""Numerical evidence, for what cannot be written in symbols; never a verdict."""
