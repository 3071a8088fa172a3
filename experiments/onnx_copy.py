"""The ONNX copy of a network policy, for runtimes in other languages, and how far it is from the policy itself.

Inputs `observations` `(n, D)` float32 and `masks` `(n, A)` bool, output `probabilities` `(n, A)` float32: the masked
softmax of the logits over the temperature. The draw stays with the caller.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from policies.bundle import OnnxCopy
from policies.manifest import Parity
from policies.network import NetworkPolicy

OPSET = 17  # of 2022: read by every ONNX runtime still in use
IR_VERSION = 8  # the file format that goes with it
FURTHEST = 1e-5  # float32 probabilities summed in another order differ by some 1e-7


class OnnxError(ValueError):
    """The copy does not compute what the policy computes."""


def onnx_copy(policy: NetworkPolicy, observations: np.ndarray, masks: np.ndarray) -> OnnxCopy:
    """Write the copy and compare it on `observations` `(n, D)` with `masks` `(n, A)`.

    Raises `OnnxError` where a probability differs by more than `FURTHEST`.
    """
    content = model_of(policy).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    theirs = session.run(None, {"observations": observations, "masks": masks})[0]
    difference = float(np.abs(theirs - policy.probabilities(observations, masks)).max())
    if not difference <= FURTHEST:
        raise OnnxError(f"the ONNX copy differs by {difference:.2g} in probability, at most {FURTHEST:g} is allowed")
    return OnnxCopy(content, Parity(len(observations), difference))


def model_of(policy: NetworkPolicy) -> onnx.ModelProto:
    """The network as an ONNX model."""
    constants = {
        **policy.weights._asdict(),
        "temperature": np.float32(policy.temperature),
        "never": np.float32(-np.inf),
    }
    nodes = [
        *layer("observations", 1, "one"),
        *layer("one", 2, "two"),
        helper.make_node("MatMul", ["two", "w3"], ["sum3"]),
        helper.make_node("Add", ["sum3", "b3"], ["logits"]),
        helper.make_node("Div", ["logits", "temperature"], ["scaled"]),
        helper.make_node("Where", ["masks", "scaled", "never"], ["legal"]),
        helper.make_node("Softmax", ["legal"], ["probabilities"], axis=1),
    ]
    size, actions = len(policy.weights.w1), len(policy.weights.b3)
    graph = helper.make_graph(
        nodes,
        "policy",
        [
            helper.make_tensor_value_info("observations", TensorProto.FLOAT, ["n", size]),
            helper.make_tensor_value_info("masks", TensorProto.BOOL, ["n", actions]),
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", actions])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="handrail")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model


def layer(inputs: str, number: int, outputs: str) -> list[onnx.NodeProto]:
    """`outputs = max(0, inputs @ w + b)`."""
    return [
        helper.make_node("MatMul", [inputs, f"w{number}"], [f"sum{number}"]),
        helper.make_node("Add", [f"sum{number}", f"b{number}"], [f"raw{number}"]),
        helper.make_node("Relu", [f"raw{number}"], [outputs]),
    ]
