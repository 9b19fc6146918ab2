"""What leaves the toolkit: text, records, derivations. Nothing here is believed: a step is checked when it is written."""
