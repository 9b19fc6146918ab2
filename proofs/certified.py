"""One concrete network each: what balls prove of its trajectory, for all t ≥ 0."""

from fractions import Fraction

import faverify as fv

FA = fv.rules.FeedbackAlignment()


def theorem_a_start_in_the_span_goes_to_the_minimum_norm_solution():
    """3-2-1, two samples, the rows of W₁(0) sums of samples: aligned for ever, and the limit has the least norm."""
    problem = fv.FlowProblem(
        fv.MLP((3, 2, 1), "linear"), FA, weights=[[["1/2", "1/2", 0], ["1/4", 0, "1/2"]], [[1, "-1/2"]]],
        feedback=[[[1, "-1/2"]]], inputs=[[1, 0], ["1/2", "1/2"], [1, -1]], targets=[[2, -1]],
    )  # fmt: skip
    limit = fv.enclose_limit(problem)
    assert limit.minimum_norm is True
    assert limit.alignment_at_least > 0
    return limit.verdict


def theorem_a_start_off_the_span_does_not():
    """The literal statement's own witness: the limit is (13/2, ½), and α stays above 7/4."""
    problem = fv.FlowProblem(
        fv.MLP((2, 2, 1), "linear"), FA, weights=[[[1, "1/2"], [0, "-1/2"]], [[1, 1]]], feedback=[[[1, 1]]],
        inputs=[[1], [0]], targets=[["13/2"]],
    )  # fmt: skip
    limit = fv.enclose_limit(problem)
    assert limit.minimum_norm is False
    assert limit.alignment_at_least >= Fraction(7, 4)
    return limit.verdict
