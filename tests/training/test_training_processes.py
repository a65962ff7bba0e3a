"""Several processes train as one does: noise of the own rows, exact sums, one set of files."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from together import FAMILIES, Bent, Crowd, pictures, trained

from imatlas.checks import InputError
from imatlas.generators import GENERATORS
from imatlas.training.processes import Part, _sharing, agree, is_first, shared_mean

HERE = Path(__file__).parent
LONGEST_SECONDS = 900  # of processes that hang


@pytest.fixture(scope="module")
def together(tmp_path_factory) -> Path:
    """What two processes leave that were started as torchrun starts them; a signal to one of them stopped both.

    In the end the first one fails alone, and the other hears of it.
    """
    home = tmp_path_factory.mktemp("together")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    common = os.environ | meeting | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE)}
    started = [
        subprocess.Popen(
            [sys.executable, str(HERE / "together.py"), str(home)],
            env=common | {"RANK": rank, "LOCAL_RANK": rank},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    try:
        for process in started:
            _, errors = process.communicate(timeout=LONGEST_SECONDS)
            assert process.returncode == 0, errors
    finally:
        for process in started:
            process.kill()
    return home


def test_two_processes_end_with_the_weights_of_one(together: Path) -> None:
    """A batch of 9 rows is 4 and 5; sums in another order may differ by 1e-5, and do by far less.

    The gradients of stage two are as small as the 1e-8 that Adam adds to their size, so a factor on them would show.
    """
    alone = trained(Bent(0))
    for rank in (0, 1):
        for name, values in load_file(together / f"whole-{rank}.safetensors").items():
            torch.testing.assert_close(values, alone[name], rtol=0, atol=1e-5)


def test_both_processes_hold_the_same_bits_stopped_and_resumed_or_not(together: Path) -> None:
    first = load_file(together / "whole-0.safetensors")
    for name in ("whole-1", "resumed-0", "resumed-1"):
        for key, values in load_file(together / f"{name}.safetensors").items():
            assert torch.equal(values, first[key]), f"{key} of {name}"


def test_a_loss_that_compares_rows_is_made_whole_by_each_process(together: Path) -> None:
    alone = trained(Crowd())
    for rank in (0, 1):
        assert torch.equal(load_file(together / f"crowd-{rank}.safetensors")["place"], alone["place"])


@pytest.mark.parametrize("family", FAMILIES)
def test_generators_of_every_family_draw_what_one_process_would_have_taught_them(together: Path, family: str) -> None:
    """Weights that nothing depends on, such as a bias before a norm, follow the rounding of a zero; images do not."""
    assert set(FAMILIES) == set(GENERATORS)
    torch.testing.assert_close(load_file(together / "drawn-1.safetensors")[family], pictures(family), rtol=0, atol=1e-4)


def test_one_process_alone_writes_files(together: Path) -> None:
    assert sorted(path.name for path in (together / "parts").iterdir()) == ["metrics.jsonl", "state.safetensors"]
    rows = (together / "parts" / "metrics.jsonl").read_text().splitlines()
    assert len(rows) == len(set(rows)) == 2


@pytest.mark.parametrize("draw", [torch.rand, torch.randn])
def test_own_noise_is_the_own_rows_of_the_noise_of_all(draw) -> None:
    """Three processes share 8 rows, which come once, then twice over; a number for all rows comes between."""
    generator = torch.Generator().manual_seed(1)
    once, number, twice = (draw(sizes, generator=generator) for sizes in ((8, 3), (), (16, 2, 2)))
    for part in (Part(0, 2, 8), Part(2, 5, 8), Part(5, 8, 8)):
        generator, b = torch.Generator().manual_seed(1), part.stop - part.start
        with _sharing(part, generator):
            assert torch.equal(draw(b, 3, generator=generator), once[part.rows])
            assert torch.equal(draw((), generator=generator), number)
            both = draw(size=(2 * b, 2, 2), generator=generator)
            other = draw(5, 3, generator=torch.Generator().manual_seed(2))
        assert torch.equal(both, torch.cat([twice[:8][part.rows], twice[8:][part.rows]]))
        assert torch.equal(other, draw(5, 3, generator=torch.Generator().manual_seed(2))), "another generator is left alone"


def test_noise_that_cannot_be_shared_is_refused_in_words() -> None:
    generator = torch.Generator()
    with _sharing(Part(0, 4, 8), generator):
        with pytest.raises(ValueError, match=r"noise of shape \(7, 4\) for 4 rows; wanted the rows first"):
            torch.rand(7, 4, generator=generator)
        with pytest.raises(ValueError, match="noise by randint; several processes can share"):
            torch.randint(3, (4,), generator=generator)


def test_one_process_shares_with_nobody() -> None:
    mean = torch.tensor(2.0)
    assert shared_mean(mean) is mean
    assert is_first()
    assert agree(1, 2.5) == (1, 2.5)
    assert Part.own(8) == Part(0, 8, 8)
    assert Part.own(8).is_whole


def test_more_processes_than_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("is_initialized", True), ("get_rank", 0), ("get_world_size", 9)):
        monkeypatch.setattr(f"torch.distributed.{name}", lambda value=value: value)
    with pytest.raises(InputError, match="There are 9 processes for 8 images a step; start 8 at most"):
        Part.own(8)
    assert Part.own(8, divided=False).is_whole
