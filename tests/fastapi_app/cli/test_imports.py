"""`holdfast import`, as a person calls it."""

import json

SECRET = "hunter2-and-more"


def test_an_import_is_shown_and_with_apply_made(holdfast, tmp_path, source, data):
    password = tmp_path / "password"
    password.write_text(f"{SECRET}\n")
    variables = tmp_path / "restic.env"
    variables.write_text(f"RESTIC_REPOSITORY={tmp_path}/repo\nRESTIC_PASSWORD_FILE={password}\n")

    looked = holdfast("import", "restic", variables)
    made = holdfast("import", "restic", variables, "--file", password, "--apply", "--json")

    assert looked.returncode == 0
    assert "Nothing was made" in looked.stdout
    assert f"--file {password}" in looked.stderr
    assert made.returncode == 0
    assert len(json.loads(made.stdout)["made"]["destinations"]) == 1
    assert SECRET not in looked.stdout + made.stdout + made.stderr
    (kept,) = (data / "secrets").glob("*/password")
    assert kept.read_text() == SECRET


def test_an_import_that_cannot_be_is_told_in_words(holdfast, tmp_path):
    picture = tmp_path / "picture"
    picture.write_bytes(b"\xff\xfe\x00")

    unknown = holdfast("import", "duplicity", picture)
    binary = holdfast("import", "rclone", picture)
    missing = holdfast("import", "rclone", tmp_path / "nowhere")

    assert [answer.returncode for answer in (unknown, binary, missing)] == [2, 2, 2]
    assert "must be one of" in unknown.stderr
    assert "is no text" in binary.stderr
    assert "cannot be read" in missing.stderr
