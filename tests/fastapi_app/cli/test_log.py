"""`holdfast job log`: what a run said, or why there is nothing to say."""


def test_a_log_that_was_let_go_of_is_told_instead_of_nothing(holdfast, data, source, destination):
    holdfast("backup", source, destination)
    name = f"{source} to {destination}"
    there = holdfast("job", "log", name)
    for log in (data / "logs").rglob("*.log"):
        log.unlink()

    gone = holdfast("job", "log", name)
    followed = holdfast("job", "log", "--follow", name)

    assert "Attempt 1 began" in there.stdout
    assert "any more" not in there.stderr
    for answer in (gone, followed):
        assert (answer.returncode, answer.stdout) == (0, "")
        assert "The log of run 1 is not there any more" in answer.stderr
