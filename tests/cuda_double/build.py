"""Builds the double of CUDA for the torch of this environment."""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
# What the headers of CUDA's wheel include from the one of its compiler: markers that mean nothing to gcc.
MARKERS = (
    "__device_builtin__ __device_builtin_texture_type__ __device_builtin_surface_type__ __cudart_builtin__ "
    "__host__ __device__ CUDARTAPI CUDART_DEVICE __dv(v) __builtin_align__(n) __align__(n)"
)


class UnavailableError(Exception):
    """Why the double cannot be built here."""


def build(folder: Path) -> dict[str, str]:
    """Compile the double into a folder.

    Returns:
        The environment variables with which a process has it in place of CUDA.

    Raises:
        UnavailableError: If there is no C compiler, or torch was built without CUDA.
    """
    for tool in ("gcc", "nm"):
        if not shutil.which(tool):
            raise UnavailableError(f"there is no {tool}")
    torch = Path(find_spec("torch").origin).parent
    packages = torch.parent
    headers = next(packages.glob("nvidia/c*/include/driver_types.h"), None)
    libraries = [torch / "lib" / f"lib{name}.so" for name in ("c10_cuda", "torch_cuda", "torch_cuda_linalg")]
    if headers is None or not libraries[0].exists():
        raise UnavailableError("torch was built without CUDA")
    source = (HERE / "double.c").read_text()
    written = set(re.findall(r"^API [^(]*?(\w+)\(", source, re.MULTILINE))
    wanted = set()
    for library in (*libraries, torch / "lib/libtorch_python.so"):
        if library.exists():
            wanted |= undefined(library, r"(?:__)?cuda[A-Z]\w*|cublas\w+")
    wanted |= undefined(torch / "lib/libcaffe2_nvrtc.so", r"cu[A-Z]\w*")
    for path in packages.glob("triton/backends/nvidia/driver.*"):
        wanted |= set(re.findall(r"\b(cu[A-Z]\w+)\(", path.read_text()))
    others = (
        f'API int {name}(void) {{ return double_count("{name}"); }}\n' for name in sorted(wanted - written)
    )
    (folder / "double.c").write_text(source + "".join(others))
    (folder / "crt").mkdir()
    (folder / "crt/host_defines.h").write_text("".join(f"#define {marker}\n" for marker in MARKERS.split()))
    double, driver = folder / "double.so", folder / "libcuda.so.1"
    shared = ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{double.name}"]
    includes = [f"-I{folder}", f"-I{headers.parent}"]
    subprocess.run([*shared, "-O1", "-w", *includes, "-o", double, folder / "double.c"], check=True)
    # Triton opens the driver by its own name, and finds the double's functions in it.
    shared[-1] = f"-Wl,-soname,{driver.name},--no-as-needed,-rpath,{folder}"
    subprocess.run([*shared, "-o", driver, double], check=True)
    return {
        "CUDA_DOUBLE": str(double),
        "LD_PRELOAD": str(double),
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("LD_LIBRARY_PATH")))),
        "TRITON_LIBCUDA_PATH": str(folder),
    }


def undefined(library: Path, pattern: str) -> set[str]:
    """Names that a library expects of others."""
    listed = subprocess.run(
        ["nm", "-D", "--undefined-only", library], capture_output=True, text=True, check=True
    )
    return {name for name in re.findall(r" U (\w+)", listed.stdout) if re.fullmatch(pattern, name)}
