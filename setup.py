"""Where the packages lie; everything else stands in pyproject.toml.

One wheel carries all that a head needs. The firmware (mcu/) and the models (models/) travel as packages of
files, so that the folders at the top of the repository stay the only copies.
"""

from setuptools import find_namespace_packages, find_packages, setup

ROOTS = {"lipwright": "host", "facewire": "protocol", "liplab": "tools"}
FILES = {"lipwright_firmware": "mcu", "lipwright_models": "models"}
FILE_KINDS = ["*.cddl", "*.json", "*.md", "*.npz", "*.toml", "*.txt", "*.xml"]

packages = [
    package for name, root in ROOTS.items() for package in find_packages(root, include=[name, f"{name}.*"])
]
folders = [
    f"{name}{inner and '.'}{inner}"
    for name, root in FILES.items()
    for inner in ("", *find_namespace_packages(root, exclude=["*__pycache__*"]))
]

setup(
    packages=packages + folders,
    package_dir={name: f"{root}/{name}" for name, root in ROOTS.items()} | FILES,
    package_data={
        "": FILE_KINDS,
        "facewire": [*FILE_KINDS, "vectors/*"],
        "lipwright.service": [*FILE_KINDS, "panel/*"],
    }
    | {folder: ["*"] for folder in folders},
    # Weights and packs of speech are for training only, and a head does not train.
    exclude_package_data={
        folder: ["*.pyc", "*_weights.npz", "*_replay.npz", "*_checks.npz"] for folder in folders
    },
)
