"""`liplab evaluate` on people alone, without a corpus; and what it says when there is nothing to judge on."""

import json
import shutil

from liplab.cli import main
from lipwright import resources


def test_songs_are_judged_without_a_corpus(tmp_path, capsys):
    songs = tmp_path / "songs"
    songs.mkdir()
    for path in resources.models_dir().glob("sentence.*"):
        shutil.copy(path, songs)
    report = tmp_path / "report.json"
    arguments = ["evaluate", "--before-actuator", "--corpus", str(tmp_path / "none")]
    assert main([*arguments, "--songs", str(songs), "--json", str(report)]) == 0
    assert "Only people are judged" in capsys.readouterr().err
    figures = json.loads(report.read_text())
    song = figures["sets"]["song"]
    assert song["events"]["bilabials"] >= 10
    assert song["closure_auc"] > 0.8
    assert "baselines" not in figures
    assert main(arguments) == 2
    assert "liplab corpus" in capsys.readouterr().err
