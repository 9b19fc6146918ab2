"""The flow of a learning rule along time: series, events and sliding modes to any number of digits; enclosures."""
