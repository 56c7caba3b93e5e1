from pathlib import Path

import pytest

from core.settings import BadSetting, Settings


def test_settings_have_defaults_that_cannot_hurt():
    settings = Settings.from_environment({})

    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8080, Path("data"))


def test_settings_are_read_from_the_environment():
    settings = Settings.from_environment(
        {"HOLDFAST_DATA": "/srv/holdfast", "HOLDFAST_PORT": "9000", "HOLDFAST_SLOTS": "8"}
    )

    assert (settings.data, settings.port, settings.slots) == (Path("/srv/holdfast"), 9000, 8)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOLDFAST_PORT", "http"),
        ("HOLDFAST_PORT", "70000"),
        ("HOLDFAST_PORT", "²"),
        ("HOLDFAST_PORT", "8" * 5_000),
        ("HOLDFAST_DATA", "~nobody-of-this-name/data"),
        ("HOLDFAST_SLOTS", "0"),
        ("HOLDFAST_SLOTS", "-1"),
        ("HOLDFAST_LOG_LEVEL", "loud"),
        ("HOLDFAST_LOG_FORMAT", "xml"),
        ("HOLDFAST_KEEP_RUNS", "0"),
        ("HOLDFAST_KEEP_DAYS", "for ever"),
        ("HOLDFAST_KEEP_LOGS_DAYS", "1.5"),
        ("HOLDFAST_KEEP_LOGS_MB", "0"),
        ("HOLDFAST_PRIVATE_RECEIVERS", "perhaps"),
        ("HOLDFAST_PING_URL", "watcher.example.org"),
        ("HOLDFAST_PING_SECONDS", "1"),
        ("HOLDFAST_OWN_BACKUP", "hourly"),
        ("HOLDFAST_OWN_BACKUP_MB", "0"),
        ("HOLDFAST_OWN_BACKUP_DIR", "~nobody-of-this-name/backups"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name, value):
    with pytest.raises(BadSetting, match=name):
        Settings.from_environment({name: value})


@pytest.mark.parametrize("place", ["jobs", "auth/deep", ".", "backups/../state", "backups2", "link"])
def test_backups_never_go_where_the_next_would_hold_them(tmp_path, place):
    (tmp_path / "data" / "jobs").mkdir(parents=True)
    (tmp_path / "data" / "link").symlink_to("jobs")
    named = {"HOLDFAST_DATA": str(tmp_path / "data"), "HOLDFAST_OWN_BACKUP_DIR": f"{tmp_path}/data/{place}"}

    with pytest.raises(BadSetting, match="only backups/ is for backups"):
        Settings.from_environment(named)


@pytest.mark.parametrize("place", ["data/backups/mine", "data/backups", "elsewhere", "data-backups", "."])
def test_backups_go_anywhere_else(tmp_path, place):
    named = {"HOLDFAST_DATA": str(tmp_path / "data"), "HOLDFAST_OWN_BACKUP_DIR": f"{tmp_path}/{place}"}

    assert Settings.from_environment(named).own_backup_dir == tmp_path / place


def test_a_port_of_thousands_of_digits_is_told_in_few_words():
    with pytest.raises(BadSetting, match="5,000 characters") as refused:
        Settings.from_environment({"HOLDFAST_PORT": "8" * 5_000})

    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "name",
    [
        "DATA", "HOST", "PORT", "SLOTS", "LOG_LEVEL", "LOG_FORMAT", "PUBLIC_ORIGIN",
        "OWN_BACKUP", "OWN_BACKUP_DIR", "OWN_BACKUP_MB",
    ],
)  # fmt: skip
def test_an_empty_setting_counts_as_none(name):
    assert Settings.from_environment({f"HOLDFAST_{name}": ""}) == Settings()


def test_a_data_folder_in_the_home_of_a_person_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))

    assert Settings.from_environment({"HOLDFAST_DATA": "~/holdfast"}).data == tmp_path / "holdfast"
