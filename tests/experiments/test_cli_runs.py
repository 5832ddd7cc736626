"""Commands: exit codes, one-line refusals, the plan's table."""

from dataclasses import replace

import fake_runs
import pytest

from lfmp_core.budget import Budget
from lfmp_core.experiments import doctor, engine


def test_plan_run_plan(lfmp):
    code, out, _ = lfmp("plan", "demo", "--profile", "quick")
    assert code == 0 and out.count(" missing ") == 12 and "8 more are planned" in out
    assert "12 runs are of a kind that was never timed" in out
    code, out, err = lfmp("run", "demo", "--profile", "quick", "--workers", "1", "--limit", "3")
    assert code == 0 and "demo: 3 records" in out and "3/14" in err
    code, out, _ = lfmp("run", "demo", "--workers", "1", "--no-progress")
    assert code == 0 and "demo: 20 records" in out
    code, out, _ = lfmp("plan", "demo", "--profile", "quick")
    assert code == 0 and "20 runs known by now: 20 done" in out and out.count("border: ") == 2


def test_what_waits_for_the_search_of_another_item_names_it(lfmp, monkeypatch):
    """Grids that share their runs lack nothing; one that waits is no success."""
    search = fake_runs.grid()
    follower = replace(search, item="follower", arms=search.arms[1:], candidates=({},), picks=search)
    items = {
        "demo": fake_runs.item(),
        "follower": fake_runs.Item("follower", "n", "d", {"quick": follower}),
        "both": fake_runs.Item("both", "n", "d", {"quick": [search, search, follower]}),
    }
    monkeypatch.setattr(fake_runs, "ITEMS", items)
    words = "4 more are planned when their search is finished, first: lfmp run demo --profile quick"
    code, out, err = lfmp("run", "follower", "--workers", "1", "--no-progress")
    assert code == 1 and "follower: 0 records" in out and err.strip() == words
    assert words in lfmp("plan", "follower", "--profile", "quick")[1]
    code, out, err = lfmp("run", "both", "--workers", "1", "--no-progress")
    assert code == 0 and "both: 20 records" in out and "more are planned" not in err
    code, out, err = lfmp("run", "follower", "--workers", "1", "--no-progress")
    assert code == 0 and "follower: 4 records" in out and not err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "dem"), "unknown item 'dem'; did you mean 'demo'?"),
        (("plan", "dem"), "did you mean 'demo'?"),
        (("run", "demo", "--profile", "quik"), "unknown profile 'quik'; did you mean 'quick'?"),
        (("plan", "demo", "--profile", "paper"), "Valid: quick"),
        (("run", "demo", "--id", "0123"), "no run '0123'"),
    ],
)
def test_refusals_are_one_line(lfmp, arguments, words):
    code, _, err = lfmp(*arguments)
    assert code == 2 and words in err and len(err.strip().splitlines()) == 1


def test_failures_exit_1(lfmp, monkeypatch):
    arms = (fake_runs.Arm("bad", "bad", Budget(0.5), {"fail": True}),)
    monkeypatch.setattr(fake_runs, "ITEMS", {"demo": fake_runs.single(2, arms)})
    code, _, err = lfmp("run", "demo", "--workers", "1", "--no-progress")
    assert code == 1 and "2 of 2 runs failed" in err and "Traceback" not in err
    code, out, _ = lfmp("plan", "demo", "--profile", "quick")
    assert code == 0 and "2 failed" in out


def test_interrupt_exits_130(lfmp, monkeypatch):
    def stop(spec):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "execute", stop)
    code, _, err = lfmp("run", "demo", "--workers", "1", "--no-progress")
    assert code == 130 and "0 of 12 runs are finished and kept; go on with: lfmp run demo" in err


def test_full_disk_is_one_line(lfmp, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "records")

    monkeypatch.setattr("lfmp_core.experiments.store.create_whole", full)
    code, _, err = lfmp("run", "demo", "--workers", "1", "--no-progress")
    assert code == 2 and "records: No space left on device" in err and "Traceback" not in err


def test_unknown_command_and_option(lfmp):
    assert lfmp("runn")[0] == 2
    assert lfmp("run", "demo", "--worker", "2")[0] == 2
    assert lfmp("--help")[0] == 0


def test_doctor(lfmp, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "CHECKS", (doctor._python, doctor._machine, doctor._locale, doctor._records))
    monkeypatch.setattr(doctor, "PROFILES", ("quick",))  # the committed ones have a test of their own
    assert lfmp("run", "demo", "--workers", "1", "--limit", "1", "--no-progress")[0] == 0
    code, out, _ = lfmp("doctor")
    assert code == 0 and f"1 records in {tmp_path / 'home' / 'records'} verify" in out
    record = next((tmp_path / "home" / "records" / "planted").glob("*.json"))
    record.write_text(record.read_text()[:50])
    code, out, _ = lfmp("doctor")
    assert code == 1 and "fail" in out and record.name in out and "Delete it" in out


def _edited(path):
    path.write_text(path.read_text().replace('"test_auc":0.7', '"test_auc":0.9'))


def _folder(path):
    path.unlink()
    path.mkdir()


def _nowhere(path):
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize("damage", [_edited, _folder, _nowhere])
def test_a_damaged_record_is_one_line_of_every_command(lfmp, monkeypatch, tmp_path, damage):
    monkeypatch.setattr(fake_runs, "ITEMS", {"demo": fake_runs.single(2)})
    monkeypatch.setattr(doctor, "CHECKS", (doctor._records,))
    monkeypatch.setattr(doctor, "PROFILES", ("quick",))
    assert lfmp("run", "demo", "--workers", "1", "--no-progress")[0] == 0
    path = next((tmp_path / "home" / "records").glob("*/*.json"))
    damage(path)
    for command in (
        ("run", "--workers", "1", "--no-progress"),
        ("plan", "-p", "quick"),
        ("status", "-p", "quick"),
    ):
        code, _, err = lfmp(command[0], "demo", *command[1:])
        assert code == 2 and len(err.strip().splitlines()) == 1 and path.name in err, command
    code, out, _ = lfmp("doctor")
    assert code == 1 and out.count(str(path)) == 1 and "1 fail" in out
    assert len(fake_runs.computed()) == 2


def test_doctor_survives_a_broken_check(lfmp, monkeypatch):
    def _broken():
        raise RuntimeError("no such luck")
        yield

    monkeypatch.setattr(doctor, "CHECKS", (_broken,))
    code, out, _ = lfmp("doctor")
    assert code == 1 and "broken: RuntimeError: no such luck" in out
