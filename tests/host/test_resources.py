"""What ships is found, in a clone as in an installed wheel."""

from lipwright import resources


def test_the_firmware_is_found():
    assert (resources.firmware_dir() / "main.py").is_file()


def test_the_models_the_profile_and_the_sentence_are_found():
    for name in ("lip_model.tflite", "lip_model.json", "reference_head.toml"):
        assert (resources.models_dir() / name).is_file()
    assert resources.shipped_clip().is_file()
