"""What leaves the toolkit: text, records, derivations. Not believed: a step is checked when written."""
