"""The catalogue against the definitions of the builder: inputs, constness, optional ones and element types of every op set."""

import tomllib

from program import TARGETS, SSAOpRegistry, types

NAMES = {"fp16": types.fp16, "fp32": types.fp32, "string": types.str, "bool": types.bool}
NAMES.update({f"{s}int{n}": getattr(types, f"{s}int{n}") for s in ("", "u") for n in (8, 16, 32)})
NAMES.update(int4=types.int4, uint4=types.uint4, uint1=types.uint1, uint2=types.uint2, uint3=types.uint3, uint6=types.uint6)


def domain(cls, kind):
    """The element types of one of the builder's inputs; None for lists, tuples and states."""
    named = getattr(kind, "type_domain", None) or getattr(kind, "_type_domain", None)
    if not named:
        return None
    if isinstance(named, str):
        named = cls.type_domains[named]
    named = named if isinstance(named, (tuple, list)) else (named,)
    return {types.builtin_to_string(t) for t in named} - {"fp64", "double", "int64", "complex64"}


def inputs_of(signature):
    """name -> (element types or None, constant, optional)."""
    found = {}
    for text in signature.get("inputs", []):
        name, rest = text.split(":", 1)
        words = rest.split("=")[0].split()
        kinds = signature.get("types", {}).get(words[0], words[0]).split("|")
        known = {types.builtin_to_string(NAMES[k]) for k in kinds if k in NAMES}
        found[name] = (known if known and len(known) == len(kinds) else None, "const" in words, "optional" in words)
    return found


def differences(path):
    """Lines about what the catalogue says otherwise than the builder."""
    with open(path, "rb") as file:
        ops = {op["name"]: op for op in tomllib.load(file)["op"] if op.get("signature")}
    lines, compared = [], 0
    for name, versions in sorted(SSAOpRegistry.core_ops.items()):
        if name.startswith("_"):  # the builder keeps it to itself
            continue
        if name not in ops:
            lines.append(f"{name}: not in the catalogue")
            continue
        for opset, target in TARGETS.items():
            cls = versions.get(target)
            if cls is None or name == "const":
                continue
            holding = [s for s in ops[name]["signature"] if int(s["since"][3:]) <= opset]
            ours = inputs_of(holding[-1]) if holding else {}
            theirs = {k: v for k, v in cls.input_spec.input_types.items() if not k.startswith("_")}
            ours = {k: v for k, v in ours.items() if not k.startswith("_")}
            compared += 1
            if set(ours) != set(theirs):
                lines.append(f"{name} ios{opset}: inputs {sorted(set(ours) ^ set(theirs))} are in one of the two")
                continue
            for key, kind in theirs.items():
                allowed, constant, optional = ours[key]
                if bool(kind.const) != constant:
                    lines.append(f"{name} ios{opset}: {key} is {'' if kind.const else 'not '}constant")
                if bool(kind.optional) != optional:
                    lines.append(f"{name} ios{opset}: {key} is {'' if kind.optional else 'not '}optional")
                wanted = domain(cls, kind)
                if wanted and allowed and wanted != allowed:
                    lines.append(f"{name} ios{opset}: {key} takes {sorted(wanted)}, the catalogue says {sorted(allowed)}")
    return lines, compared
