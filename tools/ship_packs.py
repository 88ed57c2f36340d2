"""Makes the packs that ship for `liplab improve`: `python tools/ship_packs.py --corpus DIR`.

DIR is the folder of `liplab corpus`, made with its recordings. Written are models/lip_model_replay.npz,
models/lip_model_checks.npz and their card.
"""

from __future__ import annotations

import argparse

from liplab.improve.packing import CARD_NAME, card, checks_pack, replay_pack
from liplab.improve.packs import CHECKS, REPLAY, write_pack
from liplab.speech.command import add_corpus
from liplab.speech.corpus import held_parts
from lipwright.resources import models_dir


def main() -> None:
    """Writes both packs and their card."""
    parser = argparse.ArgumentParser(description="Make the packs that ship for liplab improve.")
    add_corpus(parser)
    folder = parser.parse_args().corpus.expanduser()
    parts = held_parts(folder)
    replay, checks = replay_pack(folder, parts), checks_pack(folder, parts)
    for name, pack in ((REPLAY, replay), (CHECKS, checks)):
        write_pack(models_dir() / name, pack)
        print(f"{models_dir() / name}: {(models_dir() / name).stat().st_size / 1e6:.1f} MB")
    (models_dir() / CARD_NAME).write_text(card(replay, checks), encoding="utf-8")


if __name__ == "__main__":
    main()
