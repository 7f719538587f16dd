"""Files of torch.save for pth_test, and torch.load for what the program wrote.

torch_files.py make FOLDER        writes files of every kind, and expected.json: {file: {tensor: {dtype, shape, values}}}
torch_files.py check FILE JSON    loads FILE (weights_only=True from PyTorch 2 on), writes its contents as JSON
torch_files.py resave FROM TO     loads nnU-Net's checkpoint FROM, its optimiser state too, and saves it again

Ends with 77 where PyTorch is not installed.
"""
import argparse
import collections
import json
import os
import pickletools
import sys
import zipfile

try:
    import numpy as np
    import torch
except ImportError as error:
    print(f"skipped: {error}", file=sys.stderr)
    sys.exit(77)


def names_and_tensors(value, name=""):
    """Tensors by the way to them, as the program names them."""
    inside = lambda key: f"{name}.{key}" if name else str(key)
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from names_and_tensors(inner, inside(key))
    elif isinstance(value, (list, tuple)):
        for key, inner in enumerate(value):
            yield from names_and_tensors(inner, inside(key))


def description(tensor):
    values = tensor.detach().to(torch.float64).reshape(-1).tolist()
    return {"dtype": str(tensor.dtype).split(".")[1], "shape": list(tensor.shape), "values": values}


def contents(value):
    return {name: description(tensor) for name, tensor in names_and_tensors(value)}


def small_network():
    return torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Linear(4, 2, bias=False))


def all_types():
    floats = torch.tensor([[0.0, -1.5, 2.0], [1e-3, 65504.0, -0.25]])
    tensors = {str(t).split(".")[1]: floats.to(t) for t in (torch.float64, torch.float32, torch.float16, torch.bfloat16)}
    for t in (torch.int64, torch.int32, torch.int16, torch.int8):
        tensors[str(t).split(".")[1]] = torch.tensor([-128, 0, 127], dtype=t)
    tensors["uint8"] = torch.tensor([0, 7, 255], dtype=torch.uint8)
    tensors["bool"] = torch.tensor([True, False, True])
    tensors["scalar"] = torch.tensor(3.25)
    tensors["none"] = torch.zeros(4, 0)
    return tensors


def views():
    base = torch.arange(60, dtype=torch.float32)
    image = base.view(3, 4, 5)
    return {
        "base": base,
        "tail": base[50:],
        "block": image[1],
        "transposed": image.permute(2, 0, 1),
        "every_second": base[3::2],
        "column": image[:, :, 2],
        "expanded": base[:4].view(4, 1).expand(4, 6),
        "channels_last": torch.arange(2 * 3 * 4 * 5, dtype=torch.int16).view(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "list": [base[:2], (base[2:4], {"deep": base[4:5]})],
        "parameter": torch.nn.Parameter(base[7:11].clone()),
        "one": base[5:6].view(1, 1),
    }


class CfgNode(dict):
    """As yacs has it: a dict subclass with attributes."""


def nnunet_checkpoint():
    """What nnU-Net's save_checkpoint stores, with an optimiser that has stepped."""
    network = small_network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.05, eps=1e-5)
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    log = {key: [np.float64(0.25), np.float64("nan")] for key in ("mean_fg_dice", "ema_fg_dice")}
    log["dice_per_class_or_region"] = [[np.float64(0.5), np.float64(0.125)]] * 2
    log["train_losses"] = [np.float32(-0.5), np.float32(0.75)]
    log["lrs"] = [1e-4, 5e-5]
    return {
        "network_weights": network.state_dict(),
        "optimizer_state": optimizer.state_dict(),
        "grad_scaler_state": {"scale": 65536.0, "growth_factor": 2.0, "_growth_tracker": 3},
        "logging": log,
        "_best_ema": np.float64(0.0625),
        "current_epoch": 2,
        "init_args": {
            "plans": {"configurations": {"2d": {"patch_size": [64, 32]}}, "big": 2**70},
            "configuration": "2d",
            "fold": 0,
            "dataset_json": {"labels": {"background": 0, "größe": [1, 2]}},
            "device": torch.device("cpu"),
            "unpack_dataset": True,
        },
        "trainer_name": "nnUNetTrainerSwinUMambaD",
        "inference_allowed_mirroring_axes": (0, 1),
    }


def vmamba_checkpoint():
    config = CfgNode(MODEL=CfgNode(TYPE="vssm", DROP=0.1))
    config.frozen = True
    return {
        "model": collections.OrderedDict({"patch_embed.proj.weight": torch.ones(2, 3), "layers.0.x": torch.zeros(2)}),
        "optimizer": {"state": {0: {"step": 7, "exp_avg": torch.ones(2)}}, "param_groups": [{"betas": (0.9, 0.999)}]},
        "config": config,
        "args": argparse.Namespace(lr=0.1, names=["a", "b"]),
        "ema": collections.defaultdict(list, {"k": [1]}),
        "set": {1},
        "rng": np.arange(3),
        "when": np.int64(5),
    }


def rezip(source, target, compression, byteorder=None, skip=()):
    """The same entries packed by Python's zipfile."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for info in old.infolist():
            if os.path.basename(info.filename) in skip:
                continue
            data = old.read(info)
            if byteorder == "big" and "/data/" in info.filename:
                data = np.frombuffer(data, "<f4").astype(">f4").tobytes()
            new.writestr(info.filename, data)
        if byteorder:
            new.writestr(f"{info.filename.split('/')[0]}/byteorder", byteorder)


def make(folder):
    torch.manual_seed(0)
    expected = {}

    def save(name, value, **options):
        torch.save(value, os.path.join(folder, name), **options)
        expected[name] = contents(value)

    save("types.pth", all_types())
    save("views.pth", views())
    save("state_dict.pt", small_network().state_dict())
    for protocol in (3, 4, 5):
        save(f"protocol{protocol}.pth", nnunet_checkpoint(), pickle_protocol=protocol)
    save("nnunet.pth", nnunet_checkpoint())
    save("vmamba.pth", vmamba_checkpoint())
    weights = small_network().state_dict()
    save("parallel.pth", {"state_dict": {f"module.{key}": value for key, value in weights.items()}})
    save("compiled.pth", {"network_weights": {f"_orig_mod.{key}": value for key, value in weights.items()}})
    for name, value in (("types", all_types()), ("views", views()), ("nnunet", nnunet_checkpoint())):
        save(f"legacy_{name}.pth", value, _use_new_zipfile_serialization=False)
    save("legacy_protocol4.pth", views(), _use_new_zipfile_serialization=False, pickle_protocol=4)

    floats = {"a": torch.arange(6.0).view(2, 3), "b": torch.arange(6.0).view(2, 3).t(), "c": torch.tensor(2.5)}
    save("floats.pth", floats)
    source = os.path.join(folder, "floats.pth")
    for name, compression, order in (("deflated", zipfile.ZIP_DEFLATED, None), ("little", zipfile.ZIP_STORED, "little"),
                                     ("big", zipfile.ZIP_STORED, "big"), ("big_deflated", zipfile.ZIP_DEFLATED, "big")):
        rezip(source, os.path.join(folder, f"{name}.pth"), compression, order)
        expected[f"{name}.pth"] = expected["floats.pth"]
    header = json.dumps({"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    values = floats["a"].numpy().tobytes()
    open(os.path.join(folder, "tiny.safetensors"), "wb").write(len(header).to_bytes(8, "little") + header + values)
    expected["tiny.safetensors"] = {"a": description(floats["a"])}
    json.dump(expected, open(os.path.join(folder, "expected.json"), "w"))

    # What must be refused.
    torch.save({"net": {"ok": torch.ones(2), "phase": torch.ones(2, dtype=torch.complex64)}}, os.path.join(folder, "bad_complex.pth"))
    torch.save({"s": torch.eye(3).to_sparse()}, os.path.join(folder, "bad_sparse.pth"))
    torch.save({"q": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, os.path.join(folder, "bad_quantised.pth"))
    torch.jit.script(torch.nn.Linear(2, 2)).save(os.path.join(folder, "bad_torchscript.pt"))
    zeros = os.path.join(folder, "zeros.pth")
    torch.save({"zeros": torch.zeros(1 << 25)}, zeros)
    rezip(zeros, os.path.join(folder, "bad_bomb.pth"), zipfile.ZIP_DEFLATED)
    os.remove(zeros)
    rezip(source, os.path.join(folder, "bad_lost_storage.pth"), zipfile.ZIP_STORED, skip=("1",))
    torch.save(torch.nn.Linear(2, 2), os.path.join(folder, "no_dict.pth"))


def plain(value):
    """What JSON can hold; tensors become their description, lists stay lists."""
    if isinstance(value, torch.Tensor):
        return description(value)
    if isinstance(value, dict):
        return {f"{type(key).__name__}:{key}" if not isinstance(key, str) else key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def check(path, target):
    with zipfile.ZipFile(path) as archive:
        pickled = archive.read("archive/data.pkl")
    for opcode, argument, _ in pickletools.genops(pickled):
        plain_class = argument in ("collections OrderedDict", "torch._utils _rebuild_tensor_v2")
        if opcode.name == "GLOBAL" and not plain_class and not str(argument).endswith("Storage"):
            sys.exit(f"{argument} is none of the classes that weights_only allows")
    # PyTorch 1.13 has weights_only, but its reader knows no floats.
    options = {"weights_only": True} if int(torch.__version__.split(".")[0]) >= 2 else {}
    json.dump(plain(torch.load(path, **options)), open(target, "w"))


def resave(source, target):
    """As a trainer of nnU-Net takes a checkpoint up and stores it again."""
    checkpoint = torch.load(source)
    again = ("decoder.encoder.", ".all_modules.")  # second names of tensors
    parameters = [torch.nn.Parameter(value.clone()) for name, value in checkpoint["network_weights"].items()
                  if not any(part in name for part in again)]
    momentum = "momentum" in checkpoint["optimizer_state"]["param_groups"][0]
    optimizer = torch.optim.SGD(parameters, lr=1.0) if momentum else torch.optim.AdamW(parameters, lr=1.0)
    optimizer.load_state_dict(checkpoint["optimizer_state"])
    checkpoint["optimizer_state"] = optimizer.state_dict()
    checkpoint["_best_ema"] = np.float64(checkpoint["_best_ema"])
    for key in ("mean_fg_dice", "train_losses"):
        checkpoint["logging"][key] = [np.float64(value) for value in checkpoint["logging"][key]]
    checkpoint["init_args"]["device"] = torch.device("cpu")
    torch.save(checkpoint, target)
    # The state is a whole one: a step from it works.
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()


if __name__ == "__main__":
    {"make": make, "check": check, "resave": resave}[sys.argv[1]](*sys.argv[2:])
