"""Deciding: the kernel's provers in order, then the search for a witness, and what else is asked of a law."""
