"""The mathematics that people write: activations, networks, rules, laws, and the helpers of their formulas."""
