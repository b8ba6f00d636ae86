"""The fast parts together (recurrence, loss, optimizer) train like the plain ones."""

import pytest
import torch
import torch.nn.functional as F

from fairseq_plugin.criterions.chunked_cross_entropy import chunked_cross_entropy
from tests.support import building

SIZES = {
    "encoder_embed_dim": 32,
    "decoder_embed_dim": 32,
    "encoder_hidden_size": 64,
    "decoder_hidden_size": 64,
    "attention_dim": 64,
}


def losses(fast: bool, updates: int = 200) -> list[float]:
    """Loss per token of each update on copy batches of 32, lengths 3 to 7."""
    model = building.model(seed=1, recurrence="fused" if fast else "naive", **SIZES).train()
    adam = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, fused=fast, foreach=False)
    random = building.generator(7)
    curve = []
    for update in range(updates):
        lengths = torch.randint(3, 8, (32,), generator=random).tolist()
        net_input = building.batch(lengths, seed=update)
        target = net_input["src_tokens"]
        is_true = target.ne(building.PAD)
        features, _ = model(**net_input, features_only=True)
        if fast:
            loss = chunked_cross_entropy(features[is_true], *model.decoder.output_weights(), target[is_true]).loss
        else:
            logits = model.decoder.output_layer(features)
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=building.PAD, reduction="sum")
        loss = loss / is_true.sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        curve.append(loss.item())
    return curve


@pytest.mark.slow
def test_curves_of_the_fast_and_the_plain_parts_agree_for_200_updates() -> None:
    fast, plain = losses(fast=True), losses(fast=False)
    assert plain[-1] < 0.5 * plain[0]
    assert fast == pytest.approx(plain, abs=1e-4)
