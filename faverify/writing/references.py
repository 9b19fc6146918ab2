"""The one registry of what is cited: a source as claims, laws and rules give it, and where it appeared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

OWN = "derived here; no source known"

REFERENCES = {
    "Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019": "M. Akrout, C. Wilson, P. C. Humphreys, T. Lillicrap and D. "
    "Tweed. Deep learning without weight transport. Advances in Neural Information Processing Systems 32, 2019. "
    "arXiv:1904.05391.",
    "Arora, Cohen & Hazan 2018": "S. Arora, N. Cohen and E. Hazan. On the optimization of deep networks: implicit "
    "acceleration by overparameterization. International Conference on Machine Learning, 2018. arXiv:1802.06509.",
    "Baydin, Pearlmutter, Syme, Wood & Torr 2022": "A. G. Baydin, B. A. Pearlmutter, D. Syme, F. Wood and P. Torr. "
    "Gradients without backpropagation. 2022. arXiv:2202.08587.",
    "Bengio 2014": "Y. Bengio. How auto-encoders could provide credit assignment in deep networks via target "
    "propagation. 2014. arXiv:1407.7906.",
    "Bengio 2020": "Y. Bengio. Deriving differential target propagation from iterating approximate inverses. 2020. "
    "arXiv:2007.15139.",
    "Bengio, Léonard & Courville 2013": "Y. Bengio, N. Léonard and A. Courville. Estimating or propagating gradients "
    "through stochastic neurons for conditional computation. 2013. arXiv:1308.3432.",
    "Bernstein, Wang, Azizzadenesheli & Anandkumar 2018": "J. Bernstein, Y.-X. Wang, K. Azizzadenesheli and A. "
    "Anandkumar. signSGD: compressed optimisation for non-convex problems. International Conference on Machine "
    "Learning, 2018. arXiv:1802.04434.",
    "Dellaferrera & Kreiman 2022": "G. Dellaferrera and G. Kreiman. Error-driven input modulation: solving the credit "
    "assignment problem without a backward pass. International Conference on Machine Learning, 2022. "
    "arXiv:2201.11665.",
    "Du, Hu & Lee 2018": "S. S. Du, W. Hu and J. D. Lee. Algorithmic regularization in learning deep homogeneous "
    "models: layers are automatically balanced. Advances in Neural Information Processing Systems 31, 2018. "
    "arXiv:1806.00900.",
    "Filippov 1988": "A. F. Filippov. Differential Equations with Discontinuous Righthand Sides. Kluwer, 1988.",
    "Frenkel, Lefebvre & Bol 2021": "C. Frenkel, M. Lefebvre and D. Bol. Learning without feedback: fixed random "
    "learning signals allow for feedforward training of deep neural networks. Frontiers in Neuroscience 15, 2021. "
    "arXiv:1909.01311.",
    "Goldt et al. 2020": "S. Goldt, M. S. Advani, A. M. Saxe, F. Krzakala and L. Zdeborová. Dynamics of stochastic "
    "gradient descent for two-layer neural networks in the teacher–student setup. Journal of Statistical Mechanics, "
    "124010, 2020. arXiv:1906.08632.",
    "Hebb 1949": "D. O. Hebb. The Organization of Behavior. Wiley, 1949.",
    "Kolen & Pollack 1994": "J. F. Kolen and J. B. Pollack. Backpropagation without weight transport. IEEE "
    "International Conference on Neural Networks, 1994.",
    "Kunin, Nayebi, Sagastuy-Brena, Ganguli, Bloom & Yamins 2020": "D. Kunin, A. Nayebi, J. Sagastuy-Brena, S. "
    "Ganguli, J. Bloom and D. Yamins. Two routes to scalable credit assignment without weight symmetry. International "
    "Conference on Machine Learning, 2020. arXiv:2003.01513.",
    "Launay, Poli, Boniface & Krzakala 2020": "J. Launay, I. Poli, F. Boniface and F. Krzakala. Direct feedback "
    "alignment scales to modern deep learning tasks and architectures. Advances in Neural Information Processing "
    "Systems 33, 2020. arXiv:2006.12878.",
    "Lee, Zhang, Fischer & Bengio 2015": "D.-H. Lee, S. Zhang, A. Fischer and Y. Bengio. Difference target "
    "propagation. ECML PKDD, 2015. arXiv:1412.7525.",
    "Liao, Leibo & Poggio 2016": "Q. Liao, J. Z. Leibo and T. Poggio. How important is weight symmetry in "
    "backpropagation? AAAI Conference on Artificial Intelligence, 2016. arXiv:1510.05067.",
    "Lillicrap, Cownden, Tweed & Akerman 2016": "T. P. Lillicrap, D. Cownden, D. B. Tweed and C. J. Akerman. Random "
    "synaptic feedback weights support error backpropagation for deep learning. Nature Communications 7, 13276, 2016.",
    "Marcotte, Gribonval & Peyré 2023": "S. Marcotte, R. Gribonval and G. Peyré. Abide by the law and follow the "
    "flow: conservation laws for gradient flows. Advances in Neural Information Processing Systems 36, 2023. "
    "arXiv:2307.00144.",
    "Meulemans, Carzaniga, Suykens, Sacramento & Grewe 2020": "A. Meulemans, F. S. Carzaniga, J. A. K. Suykens, J. "
    "Sacramento and B. F. Grewe. A theoretical framework for target propagation. Advances in Neural Information "
    "Processing Systems 33, 2020. arXiv:2006.14331.",
    "Nøkland 2016": "A. Nøkland. Direct feedback alignment provides learning in deep neural networks. Advances in "
    "Neural Information Processing Systems 29, 2016. arXiv:1609.01596.",
    "Oja 1989": "E. Oja. Neural networks, principal components, and subspaces. International Journal of Neural "
    "Systems 1, 1989.",
    "Polyak 1964": "B. T. Polyak. Some methods of speeding up the convergence of iteration methods. USSR "
    "Computational Mathematics and Mathematical Physics 4(5), 1964.",
    "Refinetti, d'Ascoli, Ohana & Goldt 2021": "M. Refinetti, S. d'Ascoli, R. Ohana and S. Goldt. Align, then "
    "memorise: the dynamics of learning with feedback alignment. International Conference on Machine Learning, 2021. "
    "arXiv:2011.12428.",
    "Robertson & Koyejo 2023": "Z. Robertson and O. Koyejo. Layer-wise feedback alignment is conserved in deep neural "
    "networks. 2023. arXiv:2306.01870.",
    "Rumelhart, Hinton & Williams 1986": "D. E. Rumelhart, G. E. Hinton and R. J. Williams. Learning representations "
    "by back-propagating errors. Nature 323, 1986.",
    "Saad & Solla 1995": "D. Saad and S. A. Solla. On-line learning in soft committee machines. Physical Review E 52, "
    "4225, 1995.",
    "Scellier & Bengio 2017": "B. Scellier and Y. Bengio. Equilibrium propagation: bridging the gap between "
    "energy-based models and backpropagation. Frontiers in Computational Neuroscience 11, 2017. arXiv:1602.05179.",
    "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014": "N. Srivastava, G. Hinton, A. Krizhevsky, I. "
    "Sutskever and R. Salakhutdinov. Dropout: a simple way to prevent neural networks from overfitting. Journal of "
    "Machine Learning Research 15, 2014.",
    "Webster, Choi & Ahn 2020": "M. B. Webster, J. Choi and C. Ahn. Learning the connections in direct feedback "
    "alignment. 2020.",
}


def cited(source: str) -> list[str]:
    """What a source names: keys of the registry first; of a source that has none of them, its parts as they stand."""
    known = [key for key in REFERENCES if re.search(rf"(?<!\w){re.escape(key)}(?!\d)", source)]
    others = [part.strip() for part in source.split(";")] if not known and source.strip() != OWN else []
    return [*known, *filter(None, others)]


def sources_of(verdict: Any) -> list[str]:
    """The sources that the law and the rule of a verdict give."""
    from ..model import laws, rules
    from ..model.names import kebab

    question = getattr(verdict, "question", None)
    law = getattr(question, "law", None) or laws.NAMED.get(getattr(verdict, "law", ""))
    rule = getattr(question, "rule", None)
    kind = rules.LIBRARY.get(kebab(str(getattr(verdict, "rule", "")))) if rule is None else type(rule)
    found = [getattr(law, "source", "") or ""]
    told = re.search(r"References: (.*?)(?:\n\s*\n|$)", kind.__doc__ or "", re.DOTALL) if kind else None
    return [source for source in [*found, " ".join(told[1].split()).rstrip(".") if told else ""] if source]


def bibliography(sources: Iterable[str]) -> list[tuple[str, str]]:
    """(what is cited, where it appeared), by name; a source that the registry does not know stands for itself."""
    keys = {key for source in sources for key in cited(source)}
    return [(key, REFERENCES.get(key, "")) for key in sorted(keys)]
