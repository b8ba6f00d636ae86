"""The decoder: padding, causality, and decoding step by step."""

import copy

import pytest
import torch
from torch import Tensor

from fairseq_plugin.models.gru_attention import GRUAttentionModel
from fairseq_plugin.modules import products
from fairseq_plugin.modules.recurrence import Past
from tests.support import building
from tests.unit.modules.test_recurrence import KINDS, PAIRS

SHAPES = {
    "plain": {},
    "bidirectional": {"encoder_bidirectional": True, "decoder_init": "tanh"},
    "two layers": {"encoder_layers": 2, "decoder_layers": 2},
    "more decoder layers": {"decoder_layers": 3},
    "zero start": {"decoder_init": "zero", "decoder_hidden_size": 8},
    "shared output": {"share_decoder_input_output_embed": True},
    "all shared": {"share_all_embeddings": True},
    "normed": {"attention": "normed"},
    "location": {"attention": "location", "location_kernel": 5, "sharpening": 1.5, "readout": "tanh"},
    "ntm": {"attention": "ntm", "decoder_init": "zero", "decoder_hidden_size": 8, "readout": "tanh"},
    "shift": {"attention": "shift", "encoder_bidirectional": True, "decoder_init": "tanh"},
    "dot": {"attention": "dot"},
    "dot, fed": {"attention": "dot", "input_feeding": True, "decoder_layers": 2},
    "general": {"attention": "general", "encoder_bidirectional": True, "decoder_init": "tanh", "readout": "maxout"},
    "general by the loop": {"attention": "general", "recurrence": "naive", "decoder_layers": 2},
    "concat, fed": {"attention": "concat", "input_feeding": True, "decoder_init": "zero", "decoder_hidden_size": 8},
    "tanh readout": {"readout": "tanh", "share_decoder_input_output_embed": True},
    "maxout readout": {"readout": "maxout", "decoder_layers": 2},
    "previous state": {"readout": "tanh", "readout_state": "previous", "decoder_layers": 2},
    "paper's unit": {"gru_cell": "paper", "encoder_layers": 2, "decoder_layers": 3},
    "RNNsearch": {
        "gru_cell": "paper",
        "encoder_bidirectional": True,
        "decoder_init": "backward",
        "readout": "maxout",
        "readout_state": "previous",
    },
}
shapes = pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES.keys())
LENGTHS = [3, 7, 1, 5]


def run(model: GRUAttentionModel, net_input: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        logits, extra = model(**net_input)
    return logits, extra["attn"][0]


@shapes
@pytest.mark.parametrize("left_source", [False, True], ids=["source right", "source left"])
@pytest.mark.parametrize("left_target", [False, True], ids=["target right", "target left"])
@pytest.mark.parametrize("extra", [0, 3], ids=["tight", "loose"])
def test_a_sentence_is_decoded_alike_alone_and_in_a_batch(
    options: dict, left_source: bool, left_target: bool, extra: int
) -> None:
    model = building.model(**options).double()  # float32 would leave room for mistakes of rounding's size
    net_input = building.batch(LENGTHS, left_source=left_source, left_target=left_target, extra=extra)
    source, target = net_input["src_tokens"], net_input["prev_output_tokens"]
    logits, weights = run(model, net_input)
    assert logits.shape == (*target.shape, 12)
    assert weights.shape == (*target.shape, source.size(1))
    for row, (row_logits, row_weights) in enumerate(
        zip(building.true_rows(logits, target), building.true_rows(weights, target), strict=True)
    ):
        is_source = source[row].ne(building.PAD)
        is_target = target[row].ne(building.PAD)
        alone_logits, alone_weights = run(
            model,
            {
                "src_tokens": source[row : row + 1, is_source],
                "src_lengths": is_source.sum().view(1),
                "prev_output_tokens": target[row : row + 1, is_target],
            },
        )
        torch.testing.assert_close(row_logits, alone_logits[0], rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(row_weights[:, is_source], alone_weights[0], rtol=1e-10, atol=1e-10)


@shapes
def test_weights_are_zero_on_padding_and_sum_to_one(options: dict) -> None:
    net_input = building.batch(LENGTHS, left_source=True, extra=2)
    _, weights = run(building.model(**options), net_input)
    padding = net_input["src_tokens"].eq(building.PAD).unsqueeze(1).expand_as(weights)
    assert (weights[padding] == 0.0).all()
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(weights.shape[:2]))


@shapes
def test_no_gradient_reaches_future_target_steps(options: dict) -> None:
    model = building.model(**options)
    net_input = building.batch([6, 6])
    embedded: list[Tensor] = []

    def keep(module: torch.nn.Module, inputs: object, output: Tensor) -> None:
        output.retain_grad()
        embedded.append(output)

    model.decoder.embed_tokens.register_forward_hook(keep)
    logits, _ = model(**net_input)
    logits[:, 2].sum().backward()
    gradient = embedded[-1].grad
    assert gradient is not None
    assert (gradient[:, 3:] == 0.0).all()
    assert (gradient[:, :3] != 0.0).any(dim=2).all()


@pytest.mark.parametrize("options", [*SHAPES.values(), {"attention": "none"}], ids=[*SHAPES, "none"])
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_an_empty_source_gives_the_same_in_any_batch(options: dict, left: bool) -> None:
    """Alone it is a column of padding; its states, contexts and weights are 0."""
    model = building.model(**options).double()
    previous = building.pad([[2, 4, 5]] * 3)
    together = building.pad([[4, 5, 6, 2], [], [7, 2]], width=6, left=left)
    made = []
    for tokens, row in ((together, 1), (together[1:2, :1], 0), (torch.full((2, 1), building.PAD), 1)):
        encoder_out = model.encoder(tokens)
        assert (encoder_out["encoder_states"][0][:, row] == 0.0).all()
        target = previous[: len(tokens)]
        logits, extra = model.decoder(target, encoder_out)
        made.append(logits[row])
        assert all((weights[row] == 0.0).all() for weights in extra["attn"] or [])
        state: dict = {}
        for step in range(3):
            step_logits, extra = model.decoder(target[:, : step + 1], encoder_out, incremental_state=state)
            torch.testing.assert_close(step_logits[row, 0], logits[row, step], rtol=1e-6, atol=1e-6)
            assert all((weights[row] == 0.0).all() for weights in extra["attn"] or [])
    assert torch.isfinite(made[0]).all()
    torch.testing.assert_close(made[1:], [made[0]] * 2, rtol=1e-10, atol=1e-10)


@shapes
@pytest.mark.parametrize("left_source", [False, True], ids=["right", "left"])
def test_step_by_step_equals_all_at_once(options: dict, left_source: bool) -> None:
    model = building.model(**options)
    net_input = building.batch([5, 5, 5], left_source=left_source, extra=2)
    target = net_input["prev_output_tokens"][:, :6]
    logits, weights = run(model, {**net_input, "prev_output_tokens": target})
    encoder_out = model.encoder(net_input["src_tokens"])
    state: dict = {}
    for step in range(target.size(1)):
        step_logits, extra = model.decoder(target[:, : step + 1], encoder_out, incremental_state=state)
        torch.testing.assert_close(step_logits[:, 0], logits[:, step], **building.CLOSE)
        torch.testing.assert_close(extra["attn"][0][:, 0], weights[:, step], **building.CLOSE)


@shapes
def test_decoding_under_autocast_follows_float32(options: dict) -> None:
    model = building.model(**options)
    net_input = building.batch(LENGTHS)
    target = net_input["prev_output_tokens"][:, :4]
    logits, _ = run(model, {**net_input, "prev_output_tokens": target})
    state: dict = {}
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        encoder_out = model.encoder(net_input["src_tokens"])
        for step in range(target.size(1)):
            step_logits, _ = model.decoder(target[:, : step + 1], encoder_out, incremental_state=state)
            there = target[:, step].ne(building.PAD)
            torch.testing.assert_close(step_logits[there, 0].float(), logits[there, step], rtol=0.1, atol=0.1)


ORDERS = {
    "identity": [0, 1, 2, 3],
    "permutation": [2, 0, 3, 1],
    "repeats": [1, 1, 3, 3],
    "shrinking": [3, 1],
    "one left": [2],
    "growing": [0, 0, 1, 1, 2, 2, 3, 3],
}


@shapes
@pytest.mark.parametrize("first", [None, [0, 0, 1, 1, 2, 2, 3, 3], [3, 2, 1, 0]], ids=["no", "beam", "reversed"])
def test_reordering_the_state_equals_reordering_the_batch(options: dict, first: list[int] | None) -> None:
    """Two steps, a reorder of everything, a third step: the same as decoding the reordered batch from the start."""
    model = building.model(**options)
    source = building.batch(LENGTHS)["src_tokens"]
    rows = torch.arange(4) if first is None else torch.tensor(first)
    random = building.generator(3)
    target = torch.randint(4, 12, (len(rows), 3), generator=random)
    target[:, 0] = building.EOS
    for name, second in ORDERS.items():
        encoder_out = model.encoder(source)
        if first is not None:
            encoder_out = model.encoder.reorder_encoder_out(encoder_out, rows)
        state: dict = {}
        for step in (1, 2):
            model.decoder(target[:, :step], encoder_out, incremental_state=state)
        order = torch.tensor(second)
        model.decoder.reorder_incremental_state_scripting(state, order)
        encoder_out = model.encoder.reorder_encoder_out(encoder_out, order)
        got, extra = model.decoder(target[order], encoder_out, incremental_state=state)

        chosen = source[rows[order]]
        expected, weights = run(model, {"src_tokens": chosen, "src_lengths": None, "prev_output_tokens": target[order]})
        torch.testing.assert_close(
            got[:, 0], expected[:, -1], **building.CLOSE, msg=lambda said, name=name: f"{name}: {said}"
        )
        torch.testing.assert_close(extra["attn"][0][:, 0], weights[:, -1], **building.CLOSE)


def test_the_output_matrix_is_prepared_once_for_a_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a copy of its state, which goes on by itself."""
    monkeypatch.setattr(products, "LARGE", 0)
    model, target = building.model(), torch.tensor([[building.EOS, 5, 6, 7]] * 3)
    encoder_out, state = model.encoder(building.batch([6, 4, 5])["src_tokens"]), {}  # type: ignore[var-annotated]
    matrix, prepared = model.decoder.output_weights()[0], []
    plan = products.planned
    monkeypatch.setattr(
        products, "planned", lambda weight, like: prepared.append(weight is matrix) or plan(weight, like)
    )
    with torch.no_grad():
        expected = model.decoder(target, encoder_out)[0]
        for step in range(2):
            model.decoder(target[:, : step + 1], encoder_out, incremental_state=state)
        for each in (copy.deepcopy(state), state):
            for step in (2, 3):
                logits, _ = model.decoder(target[:, : step + 1], encoder_out, incremental_state=each)
                torch.testing.assert_close(logits[:, 0], expected[:, step], **building.CLOSE)
        once = int(target.device.type == "cpu")  # a GPU reads the matrix as it is
        assert prepared.count(True) == once
        alone = model.encoder(building.batch([6])["src_tokens"])
        logits, _ = model.decoder(target[:1, :1], alone, incremental_state={})
        torch.testing.assert_close(logits, model.decoder(target[:1, :1], alone)[0], **building.CLOSE)
        assert prepared.count(True) == once  # which a single row does not pay for


@shapes
def test_a_shrunken_batch_forgets_the_sentences_and_rows_it_lost(options: dict) -> None:
    model = building.model(**options)
    encoder_out = model.encoder(building.batch(LENGTHS)["src_tokens"])
    encoder_out = model.encoder.reorder_encoder_out(encoder_out, torch.arange(4).repeat_interleave(3))
    state: dict = {}
    model.decoder(torch.full((12, 1), building.EOS), encoder_out, incremental_state=state)
    model.decoder.reorder_incremental_state(state, torch.tensor([3, 4, 5]))
    (cached,) = state.values()
    assert cached["keys"].size(0) == 1
    assert cached["state"].size(1) == 3
    assert {cached[name].size(0) for name in Past._fields if cached[name] is not None} <= {3}


@shapes
def test_two_decodings_at_once_do_not_mix(options: dict) -> None:
    """Whatever a decoding remembers is in its incremental state, nothing on a module."""
    model = building.model(**options)
    target = torch.tensor([[building.EOS, 5, 6]] * 2)
    sources = [building.batch([6, 4], seed=seed)["src_tokens"] for seed in (1, 2)]

    def decode(runs: list[int]) -> list[Tensor]:
        """One step of each named run after the other; the logits of every step."""
        encoded, states, steps = [model.encoder(source) for source in sources], [{}, {}], [0, 0]  # type: ignore[var-annotated]
        logits = []
        for run in runs:
            steps[run] += 1
            logits.append(model.decoder(target[:, : steps[run]], encoded[run], incremental_state=states[run])[0])
        return logits

    with torch.no_grad():
        first, second, mixed = decode([0, 0, 0]), decode([1, 1, 1]), decode([0, 1, 0, 1, 1, 0])
    torch.testing.assert_close(mixed, [first[0], second[0], first[1], second[1], second[2], first[2]])


def parts(logits: Tensor, extra: dict) -> list[Tensor]:
    """All tensors that the decoder returned."""
    return [logits, *(extra["attn"] or [])]


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
@pytest.mark.parametrize(("kind", "way"), PAIRS, ids=map(", ".join, PAIRS))
def test_what_is_returned_can_be_flattened(kind: str, way: str, left: bool) -> None:
    """fairseq's criterions call ``view`` on logits and weights: label_smoothed_cross_entropy_with_alignment does."""
    options = {**KINDS[kind], "attention": KINDS[kind]["kind"], "recurrence": way}
    model = building.model(**options, gru_cell="paper" if way == "hoisted" else "torch")
    net_input = building.batch(LENGTHS, left_source=left, left_target=left)
    for features_only in (False, True):
        for part in parts(*model(**net_input, features_only=features_only)):
            assert part.is_contiguous()
            part.view(-1, part.size(-1))


@pytest.mark.parametrize("options", [*SHAPES.values(), {"attention": "none"}], ids=[*SHAPES, "none"])
def test_nothing_that_is_returned_shares_storage_with_what_is_cached(options: dict) -> None:
    """fairseq divides logits by the temperature and sums up the weights of an ensemble in place."""
    model = building.model(**options)
    net_input = building.batch([5, 5])
    encoder_out, state = model.encoder(net_input["src_tokens"]), {}  # type: ignore[var-annotated]
    for step in range(4):
        previous = net_input["prev_output_tokens"][:, : step + 1]
        out = model.decoder(previous, encoder_out, incremental_state=state, features_only=step % 2 == 0)
        (cached,) = state.values()
        kept = {part.untyped_storage().data_ptr() for part in cached.values() if part is not None}
        assert kept.isdisjoint(part.untyped_storage().data_ptr() for part in parts(*out))


@shapes
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 0.01), (torch.bfloat16, 0.08)], ids=["fp16", "bf16"])
def test_half_precision_follows_float32(options: dict, dtype: torch.dtype, tolerance: float) -> None:
    model = building.model(**options)
    net_input = building.batch(LENGTHS, left_source=True)
    logits, weights = run(model, net_input)
    half_logits, half_weights = run(model.to(dtype), net_input)
    assert half_logits.dtype == dtype
    assert half_weights.dtype == torch.float32
    padding = net_input["src_tokens"].eq(building.PAD).unsqueeze(1).expand_as(weights)
    assert (half_weights[padding] == 0.0).all()
    torch.testing.assert_close(half_weights, weights, rtol=0, atol=tolerance)
    of_logits = tolerance if building.ON_CPU else 2 * tolerance  # a GPU adds the products of a row in another order
    torch.testing.assert_close(half_logits.float(), logits, rtol=of_logits, atol=of_logits)


@shapes
def test_autocast_keeps_the_softmax_in_float32(options: dict) -> None:
    model = building.model(**options)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, weights = run(model, building.batch(LENGTHS))
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(weights.shape[:2]), **building.CLOSE)


@shapes
def test_gradients_are_the_same_if_backward_is_called_under_autocast(options: dict) -> None:
    def gradients(*, inside: bool) -> dict[str, Tensor | None]:
        model = building.model(**options)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, _ = model(**building.batch(LENGTHS))
            loss = logits.float().logsumexp(dim=2).sum()
            if inside:
                loss.backward()
        if not inside:
            loss.backward()
        return {name: parameter.grad for name, parameter in model.named_parameters()}

    torch.testing.assert_close(gradients(inside=True), gradients(inside=False), rtol=0.05, atol=0.02)


@pytest.mark.parametrize("left_source", [False, True], ids=["right", "left"])
@pytest.mark.parametrize("both", [{}, {"encoder_bidirectional": True, "decoder_init": "tanh"}], ids=["one", "both"])
def test_a_fixed_summary_is_no_attention_to_show_and_ignores_padding(left_source: bool, both: dict) -> None:
    model = building.model(attention="none", readout="tanh", **both)
    net_input = building.batch(LENGTHS, left_source=left_source, extra=2)
    with torch.no_grad():
        logits, extra = model(**net_input)
        assert extra == {"attn": None}
        source, target = net_input["src_tokens"], net_input["prev_output_tokens"]
        for row, row_logits in enumerate(building.true_rows(logits, target)):
            alone, _ = model(
                src_tokens=source[row : row + 1, source[row].ne(building.PAD)],
                src_lengths=None,
                prev_output_tokens=target[row : row + 1, target[row].ne(building.PAD)],
            )
            torch.testing.assert_close(row_logits, alone[0], **building.CLOSE_ALONE)
            state: dict = {}
            encoder_out = model.encoder(source[row : row + 1])
            for step in range(len(row_logits)):
                previous = target[row : row + 1, : step + 1]
                step_logits, extra = model.decoder(previous, encoder_out, incremental_state=state)
                assert extra == {"attn": None}
                torch.testing.assert_close(step_logits[0, 0], row_logits[step], **building.CLOSE_ALONE)


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_fixed_summary_is_the_last_state_of_each_direction(left: bool, layers: int) -> None:
    model = building.model(attention="none", encoder_bidirectional=True, encoder_layers=layers, decoder_init="tanh")
    encoder_out = model.encoder(building.batch(LENGTHS, left_source=left, extra=2)["src_tokens"])
    _, memory = model.decoder._start(encoder_out)
    context, _ = model.decoder.attention(torch.zeros(4, 6), memory.keys, memory.values, memory.padding_mask)
    torch.testing.assert_close(context, encoder_out["encoder_states"][0][-1], rtol=0, atol=0)
