"""All that must be believed: a false theorem can only come from a fault in this folder.

carriers   what a value must offer; questions without an answer
words      sums over indices as graphs: identities for all widths, and expanded for given ones
passes     a recorded forward pass, the rule's way back, the velocity of every parameter
cuts       the derivative of a law along a flow; what is proved of which layers, under what scope (see verdicts)
"""
