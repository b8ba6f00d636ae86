"""First values of the parameters, in one of two ways.

``glorot``: recurrent matrices are orthogonal, gate by gate, as in the paper. The matrices that score the annotations,
that read the context and that predict the symbols follow Glorot and Bengio 2010 (uniform); embeddings are
N(0, E^(-2/3)). The rest keeps torch's defaults. With torch's defaults throughout, the copy task is learnt as well, but
attention is less sharp after 15 epochs.

``paper``: recurrent matrices are orthogonal, gate by gate; W_a and U_a of the attention are N(0, 0.001^2); v_a and all
biases are 0; all others are N(0, 0.01^2). Attention then starts exactly uniform. Source: Bahdanau, Cho, Bengio 2015
(arXiv 1409.0473), appendix B.1.
"""

from torch import nn

from fairseq_plugin.modules.attention import Attention
from fairseq_plugin.modules.gru_units import GATES, PaperGRU

INIT = ("glorot", "paper")
PAPER_STD, PAPER_ATTENTION_STD = 0.01, 0.001


def initialise(model: nn.Module, init: str = "glorot") -> None:
    """Set first values in ``model``; those of embeddings, which may be pretrained, are set where these are built.

    :param init: a name in ``INIT``.
    """
    (_initialise_glorot if init == "glorot" else _initialise_paper)(model)


def _initialise_glorot(model: nn.Module) -> None:
    """All recurrent and attention matrices; the output's and the readout's are set where these are built."""
    for module in model.modules():
        if isinstance(module, nn.GRU | nn.GRUCell | PaperGRU):
            for name, parameter in module.named_parameters():
                if name.startswith("weight_hh"):
                    _orthogonal(parameter)
                elif name == "weight_ih":  # the decoder's cell, which reads the context
                    nn.init.xavier_uniform_(parameter)
        elif isinstance(module, Attention):
            for parameter in module.parameters():
                if parameter.dim() == 2:
                    nn.init.xavier_uniform_(parameter)


def _initialise_paper(model: nn.Module) -> None:
    """Everything but embeddings; what an attention has besides matrices stays as it is."""
    scores = tuple(f"{name}." for name, module in model.named_modules() if isinstance(module, Attention))
    for name, parameter in model.named_parameters():
        if name.endswith("embed_tokens.weight"):
            continue
        if name.startswith(scores):
            if name.endswith(".energy.weight"):  # v_a
                nn.init.zeros_(parameter)
            elif parameter.dim() == 2:
                nn.init.normal_(parameter, std=PAPER_ATTENTION_STD)
        elif parameter.dim() == 1:
            nn.init.zeros_(parameter)
        elif "weight_hh" in name:
            _orthogonal(parameter)
        else:
            nn.init.normal_(parameter, std=PAPER_STD)


def _orthogonal(recurrent: nn.Parameter) -> None:
    """Each gate's matrix of (3H, H) for itself."""
    for gate in recurrent.data.chunk(GATES):
        nn.init.orthogonal_(gate)


def initialise_output(projection: nn.Linear) -> None:
    """Glorot's matrix, no bias."""
    nn.init.xavier_uniform_(projection.weight)
    nn.init.zeros_(projection.bias)


def initialise_embedding(embedding: nn.Embedding, init: str = "glorot") -> None:
    """Variance E^(-2/3), or the paper's; the padding symbol stays the zero vector.

    :param init: a name in ``INIT``.
    """
    nn.init.normal_(embedding.weight, std=PAPER_STD if init == "paper" else embedding.embedding_dim ** (-1 / 3))
    if embedding.padding_idx is not None:
        embedding.weight.data[embedding.padding_idx].zero_()
