"""Programs built with coremltools' own builder and written by its own protobuf exporter.

None of its graph passes runs: what a row asks for is what the file holds, and the declared types are those of its own
type inference. Values the interface of a model cannot carry (bool, 8- and 16-bit integers; fp16 in op set ios15) enter
and leave through `cast`.
"""

import logging
import os
import warnings

os.environ["TQDM_DISABLE"] = "1"
logging.disable(logging.WARNING)
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402

import coremltools as ct  # noqa: E402
from coremltools import proto  # noqa: E402
from coremltools.converters.mil import Builder as mb  # noqa: E402
from coremltools.converters.mil.backend.mil.helper import create_immediate_value  # noqa: E402
from coremltools.converters.mil.backend.mil.load import MILProtoExporter  # noqa: E402
from coremltools.converters.mil.mil import Function, Program, types  # noqa: E402
from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry  # noqa: E402
from coremltools.converters.mil.mil import get_new_symbol  # noqa: E402
from coremltools.converters.mil.mil.types.symbolic import is_symbolic  # noqa: E402

TARGETS = {15: ct.target.iOS15, 16: ct.target.iOS16, 17: ct.target.iOS17, 18: ct.target.iOS18}
SPECIFICATION_VERSION = {15: 6, 16: 7, 17: 8, 18: 9}
ARRAY_TYPE = {np.dtype(np.float32): "FLOAT32", np.dtype(np.float16): "FLOAT16", np.dtype(np.int32): "INT32"}


def op_class(op, opset):
    """The class coremltools has for an op in an op set, or None."""
    return SSAOpRegistry.core_ops.get(op, {}).get(TARGETS[opset])


def carrier(dtype, opset):
    """The element type a value of `dtype` enters and leaves the model with."""
    dtype = np.dtype(dtype)
    if dtype == np.float16:
        return np.dtype(np.float32 if opset == 15 else np.float16)
    return dtype if dtype in (np.float32, np.int32) else np.dtype(np.int32)


def builtin(dtype):
    return types.bool if np.dtype(dtype) == np.bool_ else types.numpy_type_to_builtin_type(np.dtype(dtype).type)


def type_name(dtype):
    return {"float32": "fp32", "float16": "fp16"}.get(np.dtype(dtype).name, np.dtype(dtype).name)


class Built:
    """A program, the names of its outputs, and the element types and shapes that coremltools inferred for them."""

    def __init__(self, program, opset, inputs, outputs):
        self.program, self.opset, self.inputs, self.outputs = program, opset, inputs, outputs
        self.patch = None


def build(opset, inputs, body, states=None, open_extents=None):
    """`inputs`: arrays by name; `body`: variables by name -> list of result variables; `states`: shapes by name;
    `open_extents`: of inputs by name, for every axis a label or None. Axes with one label share an unknown extent."""
    placeholders, symbols = {}, {}
    for name, value in inputs.items():
        labels = (open_extents or {}).get(name) or [None] * value.ndim
        shape = [n if label is None else symbols.setdefault(label, get_new_symbol()) for n, label in zip(value.shape, labels)]
        placeholders[name] = mb.placeholder(shape, dtype=builtin(carrier(value.dtype, opset)))
    for name, (shape, dtype) in (states or {}).items():
        placeholders[name] = mb.state_tensor_placeholder(shape, dtype=builtin(dtype))
    with Function(placeholders, opset_version=TARGETS[opset]) as function:
        variables = {}
        for name in placeholders:
            variable = function.inputs[name]
            if name in inputs and inputs[name].dtype != carrier(inputs[name].dtype, opset):
                variable = mb.cast(x=variable, dtype=type_name(inputs[name].dtype))
            variables[name] = variable
        results = body(variables)
        outputs = []
        for result in results if isinstance(results, (list, tuple)) else [results]:
            element = types.nptype_from_builtin(result.dtype)
            if carrier(element, opset) != np.dtype(element):
                result = mb.cast(x=result, dtype=type_name(carrier(element, opset)))
            elif result in function.inputs.values():
                result = mb.identity(x=result)
            outputs.append(result)
        function.set_outputs(outputs)
    program = Program()
    program.add_function("main", function)
    built = Built(program, opset, {n: carrier(v.dtype, opset) for n, v in inputs.items()}, outputs)
    built.extents = {name: value.shape for name, value in inputs.items()}
    return built


class ImmediateExporter(MILProtoExporter):
    """Writes every constant into the program instead of a weight file."""

    def get_milproto_value(self, var):
        return create_immediate_value(var)


def message(built, weights_dir=None):
    """The model as a protobuf message; constants go to `weights_dir` when one is given."""
    exporter = MILProtoExporter if weights_dir else ImmediateExporter
    model = proto.Model_pb2.Model()
    model.specificationVersion = SPECIFICATION_VERSION[built.opset]
    program = exporter(built.program, weights_dir or "", SPECIFICATION_VERSION[built.opset]).export()
    model.mlProgram.CopyFrom(program)

    function = built.program.functions["main"]
    for name, variable in function.inputs.items():
        if types.is_state(variable.sym_type):
            feature = model.description.state.add()
            array = feature.type.stateType.arrayType
            wrapped = variable.sym_type.wrapped_type()
            shape, element = wrapped.get_shape(), types.nptype_from_builtin(wrapped.get_primitive())
        else:
            feature = model.description.input.add()
            array = feature.type.multiArrayType
            shape, element = variable.shape, types.nptype_from_builtin(variable.dtype)
        feature.name = name
        extents = built.extents.get(name, shape)
        array.shape.extend(int(n) for n in extents)
        for n, d in zip(extents, shape if any(is_symbolic(d) for d in shape) else ()):
            array.shapeRange.sizeRanges.add(lowerBound=1 if is_symbolic(d) else int(n), upperBound=-1 if is_symbolic(d) else int(n))
        array.dataType = getattr(proto.FeatureTypes_pb2.ArrayFeatureType, ARRAY_TYPE[np.dtype(element)])
    for variable in built.outputs:
        feature = model.description.output.add()
        feature.name = variable.name
        array = feature.type.multiArrayType
        element = types.nptype_from_builtin(variable.dtype)
        array.dataType = getattr(proto.FeatureTypes_pb2.ArrayFeatureType, ARRAY_TYPE[np.dtype(element)])
    if built.patch:
        built.patch(model)
    return model


def write_mlmodel(model, path):
    with open(path, "wb") as file:
        file.write(model.SerializeToString())


def write_package(built, path):
    weights = os.path.join(os.path.dirname(path), "weights")
    os.makedirs(weights, exist_ok=True)
    model = message(built, weights)
    ct.models.utils.save_spec(model, path, weights_dir=weights)


def extents_of(tensor):
    """What a declared tensor type says of its axes: numbers, None where the extent is unknown."""
    return [d.constant.size if d.WhichOneof("dimension") == "constant" else None for d in tensor.dimensions]


def with_more_axes(model, op):
    """A copy of the model in which every tensor result of its last `op` has an axis more than it should, and what was
    declared: extents by name. So the verifier must say what it infers."""
    changed = proto.Model_pb2.Model()
    changed.CopyFrom(model)
    declared = {}
    for function in changed.mlProgram.functions.values():
        for block in function.block_specializations.values():
            for operation in [o for o in block.operations if o.type == op][-1:]:
                for output in operation.outputs:
                    tensor = output.type.tensorType
                    open_rank = any(d.unknown.variadic for d in tensor.dimensions)
                    if output.type.WhichOneof("type") == "tensorType" and not open_rank:
                        declared[output.name] = extents_of(tensor)
                        tensor.rank += 1
                        tensor.dimensions.add().constant.size = 1
    return changed, declared


def with_wrong_type(model, op, draw):
    """A copy of the model in which one declared result type of `op` is another; None when there is none to change."""
    changed = proto.Model_pb2.Model()
    changed.CopyFrom(model)
    places = []
    for function in changed.mlProgram.functions.values():
        for block in function.block_specializations.values():
            for operation in block.operations:
                if operation.type == op:
                    places += [o.type.tensorType for o in operation.outputs if o.type.WhichOneof("type") == "tensorType"]
    places = [t for t in places if all(d.WhichOneof("dimension") == "constant" for d in t.dimensions)]
    if not places:
        return None
    tensor = places[draw.integer(0, len(places) - 1)]
    if len(tensor.dimensions) and draw.coin(0.7):
        size = tensor.dimensions[draw.integer(0, len(tensor.dimensions) - 1)].constant
        size.size += 1
    elif draw.coin():
        tensor.rank += 1
        tensor.dimensions.add().constant.size = 1
    else:
        float16, float32 = proto.MIL_pb2.FLOAT16, proto.MIL_pb2.FLOAT32
        tensor.dataType = float16 if tensor.dataType == float32 else float32
    return changed
