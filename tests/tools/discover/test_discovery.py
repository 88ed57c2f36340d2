"""From nothing to speech: a skull with one servo discovers its face, through a stop in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liplab.discover import asked, baselines, discovery, finish, lip_space, package, plan
from liplab.discover.discovery import Discovery, Options, inverted, speak
from liplab.discover.package import install
from liplab.discover.report import CURVES, MOTORS, REPORT, write_page
from liplab.discover.session import FRONT, Filmed, Session
from liplab.discover.simulated_set import CAMERA_DELAY_S, SimulatedSet
from lipwright.cli import main
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile, load_profile

pytest.importorskip("cv2")

OPTIONS = Options(babble_takes=(1, 0), speech_takes=(1, 0), steps_share=0.1)
FACTS = {"eyes": "dots", "seed": 1}
KINDS = ["claps", "motors", "babble", "speech"]
POSES = ("rest", "ah")


@dataclass(frozen=True)
class Run:
    """What came of a discovery."""

    folder: Path
    report: dict[str, Any]
    stopped_at: int
    first_takes: list[np.ndarray]


def shortened(patch: pytest.MonkeyPatch) -> None:
    """A discovery of a minute: less of everything, nothing left out."""
    few = {name: asked.POSES[name] for name in POSES}
    for module, name, value in (
        (plan, "CLAPS", 4),
        (discovery, "TAKE_STEPS", 150),
        (discovery, "FACE_STEPS", 600),
        (package, "CALIBRATION_STREAMS", 6),
        (finish, "JUDGED_S", 11.0),
        (finish, "PERFORMANCES", 1),
        (asked, "POSES", few),
        (asked, "POSE_STEPS", 25),
        (asked, "PAUSE_STEPS", 12),
        (finish, "POSES", few),
        (baselines, "ONE_STEP_STEPS", 30),
        (lip_space, "STEPS", 60),
    ):
        patch.setattr(module, name, value)
    babble = plan.Planner.babble
    patch.setattr(plan.Planner, "babble", lambda planner: babble(planner, 6.0))


@pytest.fixture(scope="module")
def run(skull: HeadProfile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    import torch

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("face")

    def stop(filmed: Filmed) -> None:
        if filmed.take.kind == "babble":
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        shortened(patch)
        stage = SimulatedSet(skull, "dots")
        try:
            begun = Session(folder, skull, FACTS)
            with pytest.raises(KeyboardInterrupt):
                Discovery(begun, skull, None, OPTIONS, print).film(stage, stop)
            takes = [one.take.targets for one in begun.load()]
            session = Session(folder, skull, FACTS)
            stopped_at = session.count
            found = Discovery(session, skull, None, OPTIONS, print)
            found.film(stage, lambda _: None)
            report = finish.finish(found, stage, print)
        finally:
            stage.close()
    report |= {"wall_s": 60.0, "frames": session.frames, "takes": session.count, "dropped": session.dropped}
    (folder / REPORT).write_text(json.dumps(report))
    yield Run(folder, report, stopped_at, takes)


def test_it_goes_on_after_the_takes_that_were_there(run: Run, skull: HeadProfile) -> None:
    assert run.stopped_at == 3
    filmed = Session(run.folder, skull, FACTS).load()
    assert [one.take.kind for one in filmed] == KINDS
    for before, one in zip(run.first_takes, filmed, strict=False):
        assert np.array_equal(before, one.take.targets)
    for one in filmed:
        assert list(one.views) == [FRONT]
        assert one.views[FRONT].found.mean() > 0.9


def test_the_report_says_how_well_it_speaks(run: Run) -> None:
    report = run.report
    speech = report["speech"]
    assert report["head"] == "Jaw skull" and report["eyes"] == "dots"
    assert speech["aperture_r"] > 0.8 and abs(speech["offset_ms"]) < 40
    assert report["camera_delay_ms"] == pytest.approx(1000 * CAMERA_DELAY_S, abs=8)
    assert [motor["state"] for motor in report["motors"]] == ["alive"]
    assert 0 < report["self_model_mm"]["front"] < 1.0 and report["self_model_mm"]["second"] is None
    assert set(report["baselines"]) == {
        baselines.NEAREST,
        baselines.LINEAR,
        baselines.ONE_STEP,
        baselines.JAW_ONLY,
    }
    assert [pose["name"] for pose in report["poses"]] == list(POSES)
    assert any("forward" in sentence for sentence in report["cannot"])
    json.dumps(report, allow_nan=False)


def test_pictures_and_page_are_there(run: Run) -> None:
    for name in (MOTORS, CURVES, "contact_sheet.jpg", "coverage.png"):
        assert (run.folder / name).stat().st_size > 1000
    for pose in run.report["poses"]:
        assert (run.folder / pose["before"]).is_file() and (run.folder / pose["after"]).is_file()
    page = write_page(run.folder).read_text(encoding="utf-8")
    assert page.count("data:image/") == 4 + 2 * len(POSES)


def test_it_closes_its_jaw_in_time_with_the_profile_that_was_written(run: Run, skull: HeadProfile) -> None:
    path = install(run.folder, skull, own=False)
    report = run.folder / "said.json"
    words = ["say", "--sim", "--virtual-time", "--no-film", "--profile", str(path), "--json", str(report)]
    assert main(words) == 0
    said = json.loads(report.read_text())
    assert said["aperture"]["r"] > 0.8
    assert -60 <= said["offset_ms"]["median"] <= 40
    assert said["closure"]["rate"] >= 0.5


def test_the_models_targets_are_those_of_their_own_moment(run: Run, skull: HeadProfile) -> None:
    profile = load_profile(install(run.folder, skull, own=False))
    model = FaceModel.load(profile)
    held_out = asked.Asker(profile.articulation.aperture_mm).streams()[1][0]
    targets = speak(model, profile, held_out.codes)
    assert targets.shape == (len(held_out), 1)
    wanted = held_out.articulation[:, 0]
    fits = {
        shift: np.corrcoef(targets[5:-5, 0], np.roll(wanted, -shift)[5:-5])[0, 1] for shift in range(-5, 6)
    }
    assert abs(max(fits, key=lambda shift: fits[shift])) <= 2


def test_baselines_leave_all_but_the_mouth_at_rest(reference: HeadProfile) -> None:
    stream = asked.Asker(20.0).streams()[1][0]
    targets = inverted(baselines.jaw_only(reference), stream, reference)
    others = np.setdiff1d(np.arange(26), reference.indices("mouth"))
    assert targets.shape == (len(stream), 26)
    assert (targets[:, others] == reference.rest_targets()[others]).all()
    assert np.ptp(targets[:, 0]) > 0.3


def test_the_schedule_turns_the_head_only_where_it_has_a_neck(
    tmp_path: Path, reference: HeadProfile, skull: HeadProfile
) -> None:
    def views(name: str, profile: HeadProfile, **options: Any) -> list[tuple[str, str]]:
        session = Session(tmp_path / name, profile, FACTS)
        return Discovery(session, profile, None, Options(**options), print).schedule()

    whole = views("a", reference)
    assert [kind for kind, _ in whole[:3]] == ["claps", "motors", "babble"]
    assert {view for _, view in whole} == {FRONT, "second"}
    kinds = [kind for kind, _ in whole]
    assert set(kinds[kinds.index("speech") :]) == {"speech"}
    for plain in (views("b", reference, neck=False), views("c", skull)):
        assert {view for _, view in plain} == {FRONT}


def test_a_head_without_a_mouth_is_told(tmp_path: Path, own_profile: Callable[[str], Path]) -> None:
    path = own_profile("jaw_skull.toml")
    path.write_text(path.read_text().replace('group = "mouth"', 'group = "eyes"'))
    profile = load_profile(path)
    with pytest.raises(LipwrightError, match=r'no channel of group "mouth"'):
        Discovery(Session(tmp_path / "face", profile, FACTS), profile, None, OPTIONS, print)
