"""How PlatformIO builds and uploads the firmware: as `lipwright flash` does, by the same code.

The board's name (boards/*.json) is that of a target in liplab.flash.targets.
"""

import sys
from pathlib import Path

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
try:
    from liplab.flash import build, ports
    from liplab.flash.install import install
    from liplab.flash.targets import TARGETS
    from lipwright.errors import LipwrightError
except ModuleNotFoundError as missing:
    sys.exit(
        f"PlatformIO's Python has no {missing.name}; in the folder of platformio.ini, run: "
        f"{sys.executable} -m pip install -e '.[flash]'"
    )

board = TARGETS[env.BoardConfig().id]
OUTPUT = "$BUILD_DIR/firmware"  # as it will lie in a slot


def told(do):
    """An action that does it, and fails with one sentence where it raises what the user can mend."""

    def action(target, source, env):
        try:
            do(env)
        except LipwrightError as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1

    return action


def compile_all(env):
    image = build.build(board)
    image.write(Path(env.subst(OUTPUT)))
    print(f"{len(image.files)} files, {image.size} bytes in {env.subst(OUTPUT)}")


def upload(env):
    install(ports.find(env.subst("$UPLOAD_PORT") or None), wanted=board)


compiled = env.Command(
    f"{OUTPUT}/{build.MANIFEST}",
    [str(path) for path in build.sources(board).values()],
    env.Action(told(compile_all), f"Compiling for {board.title}"),
)
Default(compiled)
AlwaysBuild(env.Alias("upload", compiled, env.Action(told(upload), "Uploading")))
