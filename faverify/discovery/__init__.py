"""All polynomial laws of a rule, certified, and whether there can be more."""
