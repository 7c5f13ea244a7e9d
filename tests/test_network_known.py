"""Networks known by name take what was published of them."""

from __future__ import annotations

import pytest

from convcli.teach.network.files import find_network, known, known_network
from convcli.teach.network.stack import follow
from convcli.teach.network.volume import Volume


def traced(name):
    network = known_network(name)
    return follow(network, network.input)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # With C3 fully connected and a dense output: mnchapel's and d2l.ai's count.
        ("lenet5", 61_706),
        # Caffe's bvlc_alexnet; the paper says 60 million.
        ("alexnet", 60_965_224),
        # num_params of torchvision's weights.
        ("vgg16", 138_357_544),
        ("resnet18", 11_689_512),
        ("resnet50", 25_557_032),
        # The paper says 4.2 million.
        ("mobilenet", 4_231_976),
    ],
)
def test_parameters_are_as_published(name, parameters):
    assert traced(name).cost.parameters == parameters


@pytest.mark.parametrize(
    ("name", "multiply_adds"),
    [
        # torchvision's table says 15.47, 1.81 and 4.09 G; the MobileNet paper 569 M.
        ("vgg16", 15_470_264_320),
        ("resnet18", 1_814_073_344),
        ("resnet50", 4_089_184_256),
        ("mobilenet", 568_740_352),
        # 105.4, 223.9, 149.5, 112.1, 74.8, 37.7, 16.8 and 4.1 million: the 724 M that is told.
        ("alexnet", 724_406_816),
    ],
)
def test_multiply_adds_are_as_published(name, multiply_adds):
    assert traced(name).cost.multiply_adds == multiply_adds


def test_every_known_network_is_tested_and_has_a_source():
    assert known() == ("lenet5", "alexnet", "vgg16", "resnet18", "resnet50", "mobilenet")
    for name in known():
        network = known_network(name)
        assert network.title
        assert str(network.source)[-1] == "."
        assert network.input


def test_alexnet_of_torchvision_as_it_is_typed():
    """num_params 61100840, 0.71 GFLOPS; Krizhevsky 2014."""
    spec = """conv 11 64 s4 p2; relu; pool 3 s2; conv 5 192 p2; relu; pool 3 s2; conv 3 384 p1; relu
    conv 3 256 p1; relu; conv 3 256 p1; relu; pool 3 s2; flatten; fc 4096; fc 4096; fc 1000"""
    cost = follow(find_network(spec), Volume((224, 224), 3)).cost
    assert (cost.parameters, cost.multiply_adds) == (61_100_840, 714_188_480)


def test_resnet50_of_the_paper_takes_3_8_billion():
    """He et al. 2016, table 1: 3.8 · 10⁹ with the stride in the first layer of a block."""
    spec = known_network("resnet50").origin.spec
    for c in (128, 256, 512):
        spec = spec.replace(f"conv 1 {c} nobias; bn; relu\n  conv 3 {c} s2",
                            f"conv 1 {c} s2 nobias; bn; relu\n  conv 3 {c}")  # fmt: skip
    cost = follow(find_network(spec), Volume((224, 224), 3)).cost
    assert cost.parameters == 25_557_032
    assert 3.8e9 < cost.multiply_adds < 3.9e9


def outputs(trace):
    return [str(step.output) for step in trace.steps if not step.follows]


def test_the_shapes_of_the_papers():
    """VGG table 1 and 2; ResNet table 1; LeNet figure 2; AlexNet figure 2."""
    vgg = outputs(traced("vgg16"))
    assert [vgg[k] for k in (0, 2, 5, 9, 13, 17)] == [
        "224×224×64", "112×112×64", "56×56×128", "28×28×256", "14×14×512", "7×7×512",
    ]  # fmt: skip
    assert outputs(traced("lenet5")) == [
        "28×28×6", "14×14×6", "10×10×16", "5×5×16", "1×1×120", "120", "84", "10",
    ]  # fmt: skip
    assert outputs(traced("alexnet")) == [
        "55×55×96", "27×27×96", "27×27×256", "13×13×256", "13×13×384", "13×13×384", "13×13×256",
        "6×6×256", "9216", "4096", "4096", "1000",
    ]  # fmt: skip
    for name, channels in (("resnet18", 512), ("resnet50", 2048)):
        trace = traced(name)
        assert outputs(trace)[0] == "112×112×64"
        assert outputs(trace)[-4] == f"7×7×{channels}"
        assert str(trace.output) == "1000"


def test_blocks_of_resnets_are_counted_as_published():
    """18 and 50 layers with weights on the main path, shortcuts left out."""
    for name, layers in (("resnet18", 18), ("resnet50", 50)):
        steps = traced(name).steps
        main = [s for s in steps if s.cost.multiply_adds and "shortcut" not in s.path]
        assert len(main) == layers


def test_parameters_of_lenets_layers():
    """LeCun et al. 1998 for C1, C5 and F6; 2,416 for a C3 that sees all maps."""
    steps = {step.label: step.cost.parameters for step in traced("lenet5").steps if step.label}
    assert steps == {
        "C1": 156, "S2": 0, "C3": 2416, "S4": 0, "C5": 48_120, "F6": 10_164, "output": 850,
    }  # fmt: skip
