"""RNNsearch and RNNencdec as appendix A.2 of Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473) writes them, in NumPy.

One sentence pair at a time, one vector at a time, in float64. Matrices have the paper's names; ``b`` of a name is the
bias that the appendix does not write. Positions count from 1, as there: h[1]..h[Tx], s[0]..s[Ty].
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairseq_plugin.models.gru_attention import GRUAttentionModel

Array = NDArray[np.float64]


class Unit(NamedTuple):
    """Matrices of one gated unit; C is None in an encoder."""

    W: Array
    W_z: Array
    W_r: Array
    U: Array
    U_z: Array
    U_r: Array
    b: Array
    b_z: Array
    b_r: Array
    C: Array | None = None
    C_z: Array | None = None
    C_r: Array | None = None

    def step(self, embedded: Array, state: Array, context: Array | None = None) -> Array:
        """The new state."""

        def read(word: Array, source: Array | None) -> Array:
            return word @ embedded + (0.0 if source is None or context is None else source @ context)

        z = sigmoid(read(self.W_z, self.C_z) + self.U_z @ state + self.b_z)
        r = sigmoid(read(self.W_r, self.C_r) + self.U_r @ state + self.b_r)
        proposal = np.tanh(read(self.W, self.C) + self.U @ (r * state) + self.b)
        return (1 - z) * state + z * proposal


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


class Appendix:
    """The equations with the numbers of a model of the plugin."""

    def __init__(self, model: GRUAttentionModel) -> None:
        self.p: dict[str, Array] = {name: value.double().numpy() for name, value in model.state_dict().items()}
        self.E_source = self.p["encoder.embed_tokens.weight"]  # row k: the vector of word k
        self.E_target = self.p["decoder.embed_tokens.weight"]
        self.forward_unit = self.unit("encoder.gru.", "_l0")
        self.backward_unit = self.unit("encoder.gru.", "_l0_reverse") if model.encoder.gru.bidirectional else None
        self.decoder_unit = self.unit("decoder.cell.", "", embed=self.E_target.shape[1])
        self.n = self.decoder_unit.U.shape[0]

    def unit(self, prefix: str, suffix: str, embed: int | None = None) -> Unit:
        """Cut the plugin's matrices, whose gates stand in the order r, z, proposal."""
        W_r, W_z, W = np.split(self.p[f"{prefix}weight_ih{suffix}"], 3)  # noqa: N806
        U_r, U_z, U = np.split(self.p[f"{prefix}weight_hh{suffix}"], 3)  # noqa: N806
        b_r, b_z, b = np.split(self.p[f"{prefix}bias_ih{suffix}"], 3)
        if embed is None:
            return Unit(W, W_z, W_r, U, U_z, U_r, b, b_z, b_r)
        cut = slice(embed, None)
        words = [matrix[:, :embed] for matrix in (W, W_z, W_r)]
        return Unit(*words, U, U_z, U_r, b, b_z, b_r, W[:, cut], W_z[:, cut], W_r[:, cut])

    def annotations(self, source: list[int]) -> tuple[list[Array], Array]:
        """Annotations h_1..h_Tx, and the vector that s_0 is made from (A.2.1, A.2.2)."""
        embedded = [self.E_source[word] for word in source]
        forward = run(self.forward_unit, embedded, self.n)
        if self.backward_unit is None:
            return forward, forward[-1]
        backward = run(self.backward_unit, embedded[::-1], self.n)[::-1]
        return [np.concatenate(both) for both in zip(forward, backward, strict=True)], backward[0]

    def weights(self, state: Array, h: list[Array]) -> Array:
        """alpha_i1..alpha_iTx; without attention all is on the last annotation."""
        if "decoder.attention.energy.weight" not in self.p:
            return np.eye(len(h))[-1]
        W_a, U_a, v_a = (  # noqa: N806
            self.p[f"decoder.attention.{name}.weight"] for name in ("query_projection", "key_projection", "energy")
        )
        e = np.array([v_a[0] @ np.tanh(W_a @ state + U_a @ annotation) for annotation in h])
        return np.exp(e) / np.exp(e).sum()

    def logits(self, state: Array, embedded: Array, context: Array) -> Array:
        """W_o t_i; maxout takes the larger of each two neighbours in t~_i."""
        mix, embed = self.p["decoder.readout.mix.weight"], len(embedded)
        U_o, V_o, C_o = np.split(mix, [self.n, self.n + embed], axis=1)  # noqa: N806
        proposal = U_o @ state + V_o @ embedded + C_o @ context + self.p["decoder.readout.mix.bias"]
        t = np.array([max(proposal[2 * j], proposal[2 * j + 1]) for j in range(len(proposal) // 2)])
        output = "decoder.output_projection."
        return self.p[f"{output}weight"] @ t + self.p[f"{output}bias"]

    def run(self, source: list[int], previous: list[int]) -> tuple[Array, Array]:
        """Logits (T, V) and attention (T, S), for the source and the words before each target word."""
        h, summary = self.annotations(source)
        initial = "decoder.initial_state.projection."
        s = np.tanh(self.p[f"{initial}weight"] @ summary + self.p[f"{initial}bias"])
        logits: list[Any] = []
        alphas: list[Any] = []
        for word in previous:
            embedded = self.E_target[word]
            alpha = self.weights(s, h)
            context = sum(a * annotation for a, annotation in zip(alpha, h, strict=True))
            logits.append(self.logits(s, embedded, context))  # with s_{i-1}
            alphas.append(alpha)
            s = self.decoder_unit.step(embedded, s, context)
        return np.stack(logits), np.stack(alphas)


def run(unit: Unit, embedded: list[Array], n: int) -> list[Array]:
    """States after each word, from 0."""
    states = [np.zeros(n)]
    for word in embedded:
        states.append(unit.step(word, states[-1]))
    return states[1:]
