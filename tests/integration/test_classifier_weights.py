"""Weights files as people save them: what is read, what is refused, and in which words."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import gzip
import pathlib
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from classifier import weights
from classifier.errors import ModelError
from classifier.networks import INCEPTION_V3, Network
from classifier.weights_file import plain

State = dict[str, Tensor]


class Small(nn.Module):
    """Stands for a network of torchvision's: their files have the same form, and are 100 times as large."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        features: Tensor = self.bn(self.conv(pictures)).mean((2, 3))
        logits: Tensor = self.fc(features)
        return logits


SMALL = dataclasses.replace(
    INCEPTION_V3, title="Small", unused=(), build=lambda classes, _transform_input: Small(classes)
)


@pytest.fixture
def module() -> Small:
    torch.manual_seed(1)
    return Small()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.pth"


def load(file: Path, network: Network = SMALL) -> weights.Loaded:
    return weights.load(network, file, Path("mine.pth"))


def refusal(file: Path) -> str:
    with pytest.raises(ModelError) as error:
        load(file)
    message = str(error.value)
    assert message.startswith("weights mine.pth: ")
    assert message.isprintable()
    return message.removeprefix("weights mine.pth: ")


def same(loaded: weights.Loaded, module: nn.Module) -> bool:
    expected = module.state_dict()
    return loaded.state.keys() == expected.keys() and all(
        torch.equal(tensor, expected[key]) for key, tensor in loaded.state.items()
    )


def named(prefix: str) -> Callable[[State], State]:
    return lambda state: {f"{prefix}{key}": tensor for key, tensor in state.items()}


def on_one_layer(state: State) -> State:
    return {key.replace("conv.", "conv.module."): tensor for key, tensor in state.items()}


def of_lightning(state: State) -> dict[str, Any]:
    return {
        "epoch": 4,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": named("model.")(state) | {"criterion.weight": torch.ones(3)},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(4)}}, "param_groups": []}],
        "hyper_parameters": {"lr": 0.1},
        "callbacks": {},
    }


def averaged(state: State) -> dict[str, Any]:
    return named("module.")(state) | {"n_averaged": torch.tensor(5)}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda state: state, ""),
        (named("module."), ""),
        (named("_orig_mod."), ""),
        (named("module._orig_mod."), ""),
        (named("_orig_mod.module."), ""),
        (on_one_layer, ""),
        (averaged, ""),
        (named("model."), "the names after 'model.'"),
        (named("net.module."), "the names after 'net.'"),
        (named("module.backbone."), "the names after 'backbone.'"),
        (lambda state: {"epoch": 7, "state_dict": state, "optimizer": {"state": {}}}, "entry ['state_dict']"),
        (lambda state: {"model_state_dict": named("module.")(state), "loss": 0.5}, "entry ['model_state_dict']"),
        (lambda state: {"model": state, "args": argparse.Namespace(lr=0.1)}, "entry ['model']"),
        (lambda state: {"net": state, "acc": 91.5, "where": Path("runs/1")}, "entry ['net']"),
        (lambda state: {"ema": state, "best": np.float64(0.9)}, "entry ['ema']"),
        (lambda state: {"checkpoint": {"weights": state}}, "entry ['checkpoint']['weights']"),
        (lambda state: (state, 12), "entry [0]"),
        (lambda state: state | {"epoch": 3, "classes": ["a", "b", "c"]}, ""),
        (
            lambda state: {"model": state, "ema": {key: tensor.clone() for key, tensor in state.items()}},
            "entry ['model']",
        ),
        (of_lightning, "entry ['state_dict'], the names after 'model.'"),
        (collections.OrderedDict, ""),
    ],
)
def test_weights_are_found_where_people_save_them(
    module: Small, file: Path, change: Callable[[State], object], place: str
) -> None:
    torch.save(change(module.state_dict()), file)

    loaded = load(file)

    assert same(loaded, module)
    assert (loaded.classes, loaded.place) == (3, place)
    pictures = torch.rand(2, 3, 8, 8)
    assert torch.equal(weights.build(SMALL, loaded, None)(pictures), module.eval()(pictures))


def test_weights_from_before_pytorch_1_6_are_read(module: Small, file: Path) -> None:
    torch.save(named("module.")(module.state_dict()), file, _use_new_zipfile_serialization=False)

    assert same(load(file), module)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_in_a_wrapper_too(module: Small, file: Path, dtype: torch.dtype) -> None:
    torch.save({"state_dict": module.to(dtype).state_dict()}, file)

    assert same(load(file), module)


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_safetensors_are_read_whatever_the_file_s_name(module: Small, file: Path, prefix: str) -> None:
    save_file(named(prefix)(module.state_dict()), file, metadata={"format": "pt"})

    assert same(load(file), module)


def test_damaged_safetensors_are_refused(module: Small, file: Path) -> None:
    save_file(module.state_dict(), file)
    file.write_bytes(file.read_bytes()[:-8])

    assert refusal(file).startswith("a safetensors file that is damaged or cut short (")


def test_several_state_dicts_that_fit_are_named_and_no_guess_is_made(file: Path) -> None:
    torch.save({"model": Small().state_dict(), "ema": Small().state_dict(), "epoch": 1}, file)

    assert refusal(file) == (
        "several of its parts fit Small: entry ['model'] and entry ['ema']. Save the one that shall answer by itself: "
        "torch.save(model.state_dict(), 'weights.pth')"
    )


def test_of_several_state_dicts_the_one_that_fits_is_taken(module: Small, file: Path) -> None:
    torch.save({"discriminator": {"fc.weight": torch.ones(2, 9)}, "model": module.state_dict()}, file)

    assert same(load(file), module)


def test_a_checkpoint_of_another_network_is_refused_with_the_names_of_the_nearest_entry(
    module: Small, file: Path
) -> None:
    state = module.state_dict() | {"head.bias": torch.ones(1)}
    torch.save({"state_dict": named("module.")(state), "teacher": {"fc.weight": torch.ones(2, 9)}}, file)

    assert refusal(file) == "not Small's layout in entry ['state_dict']: does not know head.bias"


def test_a_checkpoint_with_a_number_that_is_not_one_is_refused(module: Small, file: Path) -> None:
    module.fc.bias.data[0] = float("nan")
    torch.save({"state_dict": named("module.")(module.state_dict())}, file)

    assert "fc.bias holds values that are not numbers" in refusal(file)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_whole_pickled_model_is_refused_with_the_lines_that_save_it_right(
    module: Small, file: Path, *, is_zip: bool
) -> None:
    torch.save(module, file, _use_new_zipfile_serialization=is_zip)

    message = refusal(file)

    assert "a whole pickled model" in message or "such as a whole model" in message
    assert f"{__name__}.Small" in message
    assert message.endswith(
        "Where it was trained: model = torch.load('mine.pth', weights_only=False); "
        "torch.save(model.state_dict(), 'weights.pth')"
    )


def test_the_lines_for_a_model_in_a_checkpoint_reach_into_it(module: Small, file: Path) -> None:
    torch.save({"epoch": 1, "model": nn.DataParallel(module), "args": argparse.Namespace()}, file)

    assert "model = torch.load('mine.pth', weights_only=False)['model']; torch.save(" in refusal(file)


def test_those_lines_save_what_is_read(
    module: Small, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": module}, file)
    lines = refusal(file).partition("Where it was trained: ")[2]

    for line in lines.split("; "):
        exec(line, globals())  # noqa: S102 -- as the user would: our own words

    assert same(load(tmp_path / "weights.pth"), module)


def test_a_model_that_was_pickled_without_torch_is_refused_with_lines_that_save_what_is_read(
    module: Small, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for protocol in (2, pickle.HIGHEST_PROTOCOL):
        file.write_bytes(pickle.dumps(module, protocol))
        message = refusal(file)
        assert message.startswith("pickled, but not by torch.save.")
        names = {"pathlib": pathlib, "pickle": pickle, "torch": torch}
        for line in message.partition("made: ")[2].partition(", or ")[0].split("; "):
            exec(line, names)  # noqa: S102 -- as the user would
        assert same(load(tmp_path / "weights.pth"), module)


@pytest.mark.parametrize("is_zip", [True, False])
def test_what_was_saved_beside_weights_does_no_harm(module: Small, file: Path, *, is_zip: bool) -> None:
    beside = {"args": argparse.Namespace(lr=0.1), "best": np.float64(0.9), "epoch": 3}
    torch.save({"model": module.state_dict(), **beside}, file, _use_new_zipfile_serialization=is_zip)

    assert same(load(file), module)


def test_a_compiled_model_is_refused_as_the_model_that_it_is(module: Small, file: Path) -> None:
    torch.save({"model": Compiled(module)}, file)

    assert "model = torch.load('mine.pth', weights_only=False)['model']; torch.save(" in refusal(file)


def test_arrays_of_numpy_are_refused_with_the_line_that_makes_tensors_of_them(
    module: Small, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arrays = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    torch.save(arrays, file)

    message = refusal(file)
    assert message.startswith("arrays of NumPy, not tensors.")
    exec(message.partition("made: ")[2], globals() | {"arrays": arrays})  # noqa: S102 -- as the user would
    assert same(load(tmp_path / "weights.pth"), module)


class Compiled:
    """Pickles as what ``torch.compile`` makes of a network does: it is built again from the network."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __reduce__(self) -> tuple[object, ...]:
        return Compiled, (self.network,)


def test_a_torchscript_archive_is_refused_with_the_line_that_saves_its_weights(
    module: Small, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls TorchScript out of date
        torch.jit.trace(module.eval(), torch.rand(1, 3, 8, 8)).save(str(file))  # type: ignore[no-untyped-call]

        message = refusal(file)
        exec(message.partition("Where it was made: ")[2], globals())  # noqa: S102 -- as the user would: our own words

    assert message.startswith("a TorchScript archive, which is code.")
    assert same(load(tmp_path / "weights.pth"), module)


def zipped(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("runs/flowers.pth", b"x")


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda file: file.write_bytes(b""), "the file is empty"),
        (lambda file: file.write_bytes(b"\n<!DOCTYPE html>\n<title>404"), "a web page, not weights"),
        (lambda file: file.write_bytes(b'<?xml version="1.0"?><Error>'), "a web page, not weights"),
        (
            lambda file: file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"),
            "a Git LFS pointer, not the file itself; `git lfs pull` fetches that",
        ),
        (lambda file: file.write_bytes(gzip.compress(b"weights")), "compressed with gzip; unpack it first"),
        (zipped, "a zip archive of other files (runs/flowers.pth); unpack it first"),
        (lambda file: file.write_bytes(b"\x89HDF\r\n\x1a\nrest"), "an HDF5 file, as Keras saves"),
        (lambda file: file.write_bytes(b"apple\npear"), "not a PyTorch state dict, or cut short (pop from empty list)"),
        (lambda file: torch.save([1, "two"], file), "not a state dict (names and tensors); save it with torch.save("),
        (lambda file: torch.save({"lr": argparse.Namespace()}, file), "a pickled argparse.Namespace, not weights."),
        (lambda file: torch.save({"a\x1b[1mb": torch.ones(1)}, file), "no matrix 'fc.weight', but ab"),
    ],
)
def test_other_files_are_named_for_what_they_are(file: Path, write: Callable[[Path], object], problem: str) -> None:
    write(file)

    assert problem in refusal(file)


class Trap:
    """Would make a file, if it were built."""

    made: Path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.made,)


@pytest.mark.parametrize("is_zip", [True, False])
def test_code_beside_weights_is_not_run(module: Small, file: Path, tmp_path: Path, *, is_zip: bool) -> None:
    trap = Trap()
    trap.made = tmp_path / "sprung"
    torch.save({"state_dict": module.state_dict(), "x": trap}, file, _use_new_zipfile_serialization=is_zip)
    allowed = set(torch.serialization.get_safe_globals())

    assert refusal(file).startswith("holds Python objects (")
    assert not trap.made.exists()
    assert set(torch.serialization.get_safe_globals()) == allowed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1mbold\x1b[0m and \x1b[31;4mred\x07", "bold and red"),
        ("two\r\nlines\tand more", "two lines and more"),
        ("word " * 40, " ".join(["word"] * 23) + " …"),
        ("x" * 500, "x" * 119 + "…"),
    ],
)
def test_foreign_texts_become_one_short_line(text: str, expected: str) -> None:
    assert plain(text) == expected
