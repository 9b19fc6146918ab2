"""A PyTorch training run watched by its law: what a correct run looks like, and how a bug in the rule shows.

No prover sees inside an autograd graph. What can be done is to halve the step: the drift of a conserved law then
halves, since each step adds ½‖ΔW_l‖², and the drift of a law that does not hold stays. A reader learns to use that as a
test of training code: the same run with one line wrong (the backward pass sends W where it should send B) is told at
once. It is evidence, with its rate, and never a proof.

    pip install 'faverify[torch]' && python examples/pytorch_training.py
"""

import numpy as np

import faverify as fv

try:
    import torch
except ImportError:
    print("skipped: PyTorch is not installed; pip install 'faverify[torch]'")
    raise SystemExit(0) from None

torch.set_num_threads(1)
draw = np.random.default_rng(0)
inputs, targets = torch.tensor(draw.normal(size=(3, 8))), torch.tensor(draw.normal(size=(1, 8)))
weights = [draw.normal(size=shape) / 2 for shape in ((4, 3), (3, 4), (1, 3))]
feedback = [draw.normal(size=weight.shape) / 2 for weight in weights[1:]]


class Aligned(torch.autograd.Function):
    """h = W a; on the way back B stands in for W."""

    @staticmethod
    def forward(context, a, weight, back):
        context.save_for_backward(a, back)
        return weight @ a

    @staticmethod
    def backward(context, delta):
        a, back = context.saved_tensors
        return back.T @ delta, delta @ a.T, None


def training_step(wrong_at, nonlinear):
    """A step of torch.optim.SGD under feedback alignment; `wrong_at`: a map, from 0, that sends W back instead."""

    def step(now, eta):
        maps = [torch.tensor(w, requires_grad=True) for w in now]
        backs = [None if k == 0 else torch.tensor(feedback[k - 1]) for k in range(len(maps))]
        a = inputs
        for k, weight in enumerate(maps):
            back = weight.detach() if k in (0, wrong_at) else backs[k]
            a = Aligned.apply(a if k == 0 else torch.tanh(a) if nonlinear else a, weight, back)
        optimizer = torch.optim.SGD(maps, lr=eta)
        (((a - targets) ** 2).sum() / 2).backward()
        optimizer.step()
        return [weight.detach().numpy() for weight in maps]

    return step


for title, wrong_at, nonlinear in (
    ("feedback alignment, linear", None, False),
    ("the same with a bug: layer 3 sends W back, not B", 2, False),
    ("feedback alignment with tanh, for which Theorem 1 does not hold", None, True),
):
    found = fv.measure(
        fv.laws.feedback_balance,
        training_step(wrong_at, nonlinear),
        weights,
        feedback=feedback,
        returns="weights",
        eta=0.01,
        halvings=3,
    )
    print(f"{title}: {found.outcome}")
    for k, layer in found.layers.items():
        drifts = ", ".join(f"{value:.1e}" for value in layer.drifts)
        print(f"   layer {k}: {layer.outcome}; max |Q(t) − Q(0)| = {drifts} at η, η/2, η/4, …")
