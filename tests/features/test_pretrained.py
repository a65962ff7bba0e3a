"""Networks that come trained: the names and shapes of the published files, and their mathematics done again by hand."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from imatlas.features import PRETRAINED, Clip, DinoV2, DinoV2Base, Inception
from imatlas.features.pretrained.base import antialiased, standardised
from imatlas.features.pretrained.inception import InceptionNetwork, _Mixed, _split, resize_as_tensorflow
from imatlas.features.pretrained.vision_transformer import Layout, VisionTransformer

LAYER = {"q_proj": (768, 768), "k_proj": (768, 768), "v_proj": (768, 768), "out_proj": (768, 768)}


def shapes(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(values.shape) for name, values in network.state_dict().items()}


def published_dinov2(width: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes in dinov2_vits14_pretrain.pth and its larger sister."""
    whole = {"cls_token": (1, 1, width), "pos_embed": (1, 1370, width), "mask_token": (1, width)}
    whole |= {"patch_embed.proj.weight": (width, 3, 14, 14), "patch_embed.proj.bias": (width,)}
    whole |= {"norm.weight": (width,), "norm.bias": (width,)}
    layers = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
    layers |= {"mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
    for block in range(12):
        for name, shape in layers.items():
            whole |= {f"blocks.{block}.{name}.weight": shape, f"blocks.{block}.{name}.bias": shape[:1]}
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"):
            whole[f"blocks.{block}.{name}"] = (width,)
    return whole


def published_clip() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the image tower in pytorch_model.bin of openai/clip-vit-base-patch32, and some of the rest."""
    start = "vision_model.embeddings."
    whole = {f"{start}class_embedding": (768,), f"{start}patch_embedding.weight": (768, 3, 32, 32)}
    whole |= {f"{start}position_embedding.weight": (50, 768), f"{start}position_ids": (1, 50), "logit_scale": ()}
    whole |= {"visual_projection.weight": (512, 768), "text_projection.weight": (512, 512)}
    whole |= {"text_model.embeddings.token_embedding.weight": (49408, 512)}
    for norm in ("pre_layrnorm", "post_layernorm"):
        whole |= {f"vision_model.{norm}.weight": (768,), f"vision_model.{norm}.bias": (768,)}
    for layer in range(12):
        here = f"vision_model.encoder.layers.{layer}."
        inner = {f"self_attn.{name}": shape for name, shape in LAYER.items()}
        for name, shape in (inner | {"mlp.fc1": (3072, 768), "mlp.fc2": (768, 3072)}).items():
            whole |= {f"{here}{name}.weight": shape, f"{here}{name}.bias": shape[:1]}
        for norm in ("layer_norm1", "layer_norm2"):
            whole |= {f"{here}{norm}.weight": (768,), f"{here}{norm}.bias": (768,)}
    return whole


@pytest.mark.parametrize(
    ("kind", "published", "parameters"),
    [
        (DinoV2, published_dinov2(384), 22_056_576 - 384),
        (DinoV2Base, published_dinov2(768), 86_580_480 - 768),
        (Clip, published_clip(), 87_849_216),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_transformers_take_the_published_names_and_shapes(kind, published, parameters):
    """The counts are those their publishers give, for DINOv2 less the token of hidden patches."""
    with torch.device("meta"):
        network = kind().network()
        tensors = {name: torch.empty(shape) for name, shape in published.items()}
    named = kind().named(tensors)
    assert {name: tuple(values.shape) for name, values in named.items()} == shapes(network)
    assert sum(values.numel() for values in network.parameters()) == parameters


def test_inception_takes_the_published_names_and_shapes():
    """94 convolutions of six tensors each; without a classifier torchvision's network has 23,834,568 - 2,049,000 parameters."""
    with torch.device("meta"):
        found = shapes(InceptionNetwork())
        count = sum(values.numel() for values in InceptionNetwork().parameters())
    assert len(found) == 94 * 6
    assert count == 23_834_568 - 2_049_000
    kernels = {
        "Conv2d_1a_3x3": (32, 3, 3, 3),
        "Conv2d_2b_3x3": (64, 32, 3, 3),
        "Conv2d_4a_3x3": (192, 80, 3, 3),
        "Mixed_5b.branch1x1": (64, 192, 1, 1),
        "Mixed_5b.branch5x5_2": (64, 48, 5, 5),
        "Mixed_5c.branch3x3dbl_1": (64, 256, 1, 1),
        "Mixed_5d.branch_pool": (64, 288, 1, 1),
        "Mixed_6a.branch3x3": (384, 288, 3, 3),
        "Mixed_6a.branch3x3dbl_3": (96, 96, 3, 3),
        "Mixed_6b.branch7x7_2": (128, 128, 1, 7),
        "Mixed_6c.branch7x7_3": (192, 160, 7, 1),
        "Mixed_6d.branch7x7dbl_2": (160, 160, 7, 1),
        "Mixed_6e.branch7x7dbl_5": (192, 192, 1, 7),
        "Mixed_7a.branch3x3_2": (320, 192, 3, 3),
        "Mixed_7a.branch7x7x3_2": (192, 192, 1, 7),
        "Mixed_7a.branch7x7x3_4": (192, 192, 3, 3),
        "Mixed_7b.branch3x3_2a": (384, 384, 1, 3),
        "Mixed_7b.branch3x3_2b": (384, 384, 3, 1),
        "Mixed_7c.branch3x3dbl_2": (384, 448, 3, 3),
        "Mixed_7c.branch3x3dbl_3a": (384, 384, 1, 3),
        "Mixed_7c.branch_pool": (192, 2048, 1, 1),
    }
    assert {name: found[f"{name}.conv.weight"] for name in kernels} == kernels
    assert found["Mixed_7c.branch1x1.bn.running_var"] == (320,)
    assert found["Mixed_7c.branch1x1.bn.num_batches_tracked"] == ()
    assert set(Inception().named({"fc.weight": torch.empty(0), "Conv2d_1a_3x3.conv.weight": torch.empty(0)})) == {
        "Conv2d_1a_3x3.conv.weight"
    }


def test_published_files_are_named_by_what_their_names_say_of_their_hashes():
    """Names in the habit of torch.hub end in the first eight digits of the hash."""
    assert Inception.published.file.endswith(f"-{Inception.published.sha256[:8]}.pth")
    for kind in PRETRAINED.values():
        assert len(bytes.fromhex(kind.published.sha256)) == 32
        assert kind.published.url.startswith("https://")


def shaken(network: torch.nn.Module, scale: float = 0.2) -> torch.nn.Module:
    """Give the network with random weights and statistics, whatever it was built with."""
    noise = torch.Generator().manual_seed(0)
    state = {}
    for name, values in network.state_dict().items():
        drawn = torch.randn(values.shape, generator=noise) * scale
        state[name] = values if "num_batches" in name else drawn.abs() + 0.5 if name.endswith("_var") else drawn
    network.load_state_dict(state)
    return network.eval()


def normalised(rows: np.ndarray, weights: dict[str, np.ndarray], name: str, eps: float) -> np.ndarray:
    centred = rows - rows.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def by_hand(weights: dict[str, np.ndarray], image: np.ndarray, positions: np.ndarray, *, is_clip: bool) -> np.ndarray:
    """The transformer in plain loops: patches, tokens, attention head by head."""
    patch = weights["patch_embed.proj.weight"]
    width, p, eps = patch.shape[0], patch.shape[2], 1e-5 if is_clip else 1e-6
    tokens = [weights["cls_token"][0, 0]]
    for row in range(image.shape[1] // p):
        for column in range(image.shape[2] // p):
            window = image[:, row * p : (row + 1) * p, column * p : (column + 1) * p]
            tokens.append((patch * window).sum((1, 2, 3)) + weights.get("patch_embed.proj.bias", 0))
    state = np.array(tokens) + positions
    if is_clip:
        state = normalised(state, weights, "norm_pre", eps)

    def linear(rows: np.ndarray, name: str) -> np.ndarray:
        return rows @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    for block in range(2):
        here = f"blocks.{block}."
        q, k, v = np.split(linear(normalised(state, weights, f"{here}norm1", eps), f"{here}attn.qkv"), 3, axis=1)
        heads = []
        for head in range(width // 64):
            part = slice(64 * head, 64 * head + 64)
            closeness = np.exp(q[:, part] @ k[:, part].T / 8)
            heads.append(closeness / closeness.sum(1, keepdims=True) @ v[:, part])
        state = state + weights.get(f"{here}ls1.gamma", 1) * linear(np.concatenate(heads, 1), f"{here}attn.proj")
        wide = linear(normalised(state, weights, f"{here}norm2", eps), f"{here}mlp.fc1")
        bell = torch.special.ndtr(torch.from_numpy(wide)).numpy()
        wide = wide * (1 / (1 + np.exp(-1.702 * wide)) if is_clip else bell)
        state = state + weights.get(f"{here}ls2.gamma", 1) * linear(wide, f"{here}mlp.fc2")
    row = normalised(state[0], weights, "norm", eps)
    return weights["head.weight"] @ row if is_clip else row


@pytest.mark.parametrize("is_clip", [False, True])
def test_the_transformer_is_what_its_formulas_say(is_clip):
    network = shaken(VisionTransformer(Layout(128, patch=4, grid=3, depth=2, projected=16 * is_clip)))
    weights = {name: values.double().numpy() for name, values in network.state_dict().items()}
    image = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    wanted = by_hand(weights, image[0].double().numpy(), weights["pos_embed"][0], is_clip=is_clip)
    np.testing.assert_allclose(network(image)[0].detach(), wanted, atol=2e-5)


def cubic(table: np.ndarray, side: int, ratio: float) -> np.ndarray:
    """Bicubic (a = -0.75) of a table (g, g), read at (i + 1/2) / ratio - 1/2, its border repeated."""

    def weight(x: float) -> float:
        x = abs(x)
        return 1.25 * x**3 - 2.25 * x**2 + 1 if x <= 1 else -0.75 * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0

    g = len(table)
    rows = np.zeros((side, g))
    for i in range(side):
        place = (i + 0.5) / ratio - 0.5
        for j in range(int(np.floor(place)) - 1, int(np.floor(place)) + 3):
            rows[i, min(max(j, 0), g - 1)] += weight(place - j)
    return rows @ table @ rows.T


def test_positions_of_another_grid_are_read_with_the_published_ratio():
    network = shaken(VisionTransformer(Layout(64, patch=2, grid=7, depth=1)))
    placed = network._positions(4)[0].detach().double().numpy()
    table = network.pos_embed[0].detach().double().numpy()
    np.testing.assert_allclose(placed[0], table[0], atol=1e-6)
    for channel in (0, 63):
        wanted = cubic(table[1:, channel].reshape(7, 7), 4, 4.1 / 7)
        np.testing.assert_allclose(placed[1:, channel].reshape(4, 4), wanted, atol=1e-5)


def test_images_are_resized_as_tensorflow_did():
    """From the corner: pixel i of four is read at i / 2, and at the border the last pixel stands for what lies beyond."""
    row = torch.tensor([[[[0.0, 2.0], [4.0, 6.0]]]])
    large = resize_as_tensorflow(row, 4)[0, 0]
    assert large[0].tolist() == [0, 1, 2, 2]
    assert large[:, 0].tolist() == [0, 2, 4, 4]
    assert large[1].tolist() == [2, 3, 4, 4]
    image = np.random.default_rng(0).uniform(0, 255, (32, 32))
    found = resize_as_tensorflow(torch.tensor(image, dtype=torch.float32)[None, None], 299)[0, 0].numpy()
    for i, j in ((0, 0), (7, 298), (150, 33), (298, 298)):
        y, x = i * 32 / 299, j * 32 / 299
        (low, left), (dy, dx) = (int(y), int(x)), (y % 1, x % 1)
        below, right = min(low + 1, 31), min(left + 1, 31)
        top = image[low, left] * (1 - dx) + image[low, right] * dx
        bottom = image[below, left] * (1 - dx) + image[below, right] * dx
        assert found[i, j] == pytest.approx(top * (1 - dy) + bottom * dy, abs=2e-2)


def test_reducing_for_transformers_smooths_first_and_inception_keeps_its_aliasing():
    """A board of single black and white pixels is gray from afar; a rule that takes every second pixel calls it black."""
    board = torch.tensor(np.indices((448, 448)).sum(0) % 2 * 255.0, dtype=torch.float32)[None, None]
    gray = antialiased(board, 224)
    assert (gray[..., 4:-4, 4:-4] - 127.5).abs().max() < 1
    assert resize_as_tensorflow(board, 224).max() == 0


def test_smoothing_is_that_of_pillow():
    image = np.random.default_rng(0).uniform(0, 255, (60, 60)).astype(np.float32)
    for side in (24, 224):
        wanted = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)).clip(0, 255)
        np.testing.assert_allclose(antialiased(torch.tensor(image)[None, None], side)[0, 0], wanted, atol=0.05)


def test_inputs_are_in_the_ranges_the_networks_learned_from():
    images = torch.tensor([0.0, 128.0, 255.0])[:, None, None, None].expand(3, 3, 8, 8)
    assert Inception().prepared(images)[:, 0, 0, 0].tolist() == [-1, 0, 127 / 128]
    for kind in (DinoV2, Clip):
        assert kind().prepared(images).shape == (3, 3, 224, 224)
    first = standardised(images, (0.5, 0.4, 0.3), (0.2, 0.1, 0.5))[2, :, 0, 0]
    np.testing.assert_allclose(first, [2.5, 6.0, 1.4], rtol=1e-6)


def test_averages_leave_out_what_lies_beyond_the_border_and_the_last_block_takes_maxima():
    """Of a field of ones every average is one, at the corner too; of a single one the maxima are nine ones."""
    block = shaken(_Mixed(8, _split(), pooled=192))
    seen = []
    block.branch_pool.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    block(torch.ones(1, 8, 4, 4))
    assert torch.equal(seen[0], torch.ones(1, 8, 4, 4))
    block.of_maxima = True
    spike = torch.zeros(1, 8, 4, 4)
    spike[..., 1, 1] = 1
    block(spike)
    assert seen[1].sum() == 8 * 9
    with torch.device("meta"):
        network = InceptionNetwork()
    assert [name for name, part in network.named_children() if getattr(part, "of_maxima", False)] == ["Mixed_7c"]


def test_ways_of_a_block_are_laid_side_by_side_in_the_published_order():
    block = shaken(_Mixed(8, _split(), pooled=16))
    maps = torch.randn(2, 8, 5, 5, generator=torch.Generator().manual_seed(1))
    state = block.state_dict()

    def step(name: str, values: torch.Tensor, padding: tuple[int, int] = (0, 0)) -> torch.Tensor:
        drawn = functional.conv2d(values, state[f"branch{name}.conv.weight"], padding=padding)
        part = {
            key: state[f"branch{name}.bn.{key}"][:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
        }
        scaled = (drawn - part["running_mean"]) / (part["running_var"] + 1e-3).sqrt()
        return (scaled * part["weight"] + part["bias"]).clamp(min=0)

    once = step("3x3_1", maps)
    twice = step("3x3dbl_2", step("3x3dbl_1", maps), (1, 1))
    sums = functional.conv2d(functional.pad(maps, (1, 1, 1, 1)).reshape(16, 1, 7, 7), torch.ones(1, 1, 3, 3)).view(2, 8, 5, 5)
    counts = functional.conv2d(functional.pad(torch.ones(1, 1, 5, 5), (1, 1, 1, 1)), torch.ones(1, 1, 3, 3))
    parts = [step("1x1", maps), step("3x3_2a", once, (0, 1)), step("3x3_2b", once, (1, 0))]
    parts += [step("3x3dbl_3a", twice, (0, 1)), step("3x3dbl_3b", twice, (1, 0)), step("_pool", sums / counts)]
    torch.testing.assert_close(block(maps), torch.cat(parts, dim=1), atol=1e-4, rtol=1e-4)


def test_inception_gives_a_row_of_2048():
    network = shaken(InceptionNetwork(), 0.05)
    with torch.no_grad():
        row = network(torch.rand(1, 3, 299, 299, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    assert row.shape == (1, 2048)
    assert torch.isfinite(row).all()
    assert row.std() > 0
