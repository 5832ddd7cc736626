"""Folders are whole or absent after a kill or Ctrl-C at any step; leftovers are swept, or put back."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lfmp_core import files, folders, ownership
from lfmp_core.errors import DataError
from lfmp_core.files import atomic_write, beside, create_whole, leftovers
from lfmp_core.folders import fresh_folder, sweep
from lfmp_core.ownership import MARKER, FolderKind, restore

KIND = FolderKind("thing", "head.json", frozenset({"x"}), ("head.json", "part", "part/a"))
OTHER = FolderKind("thong", "other.json", frozenset({"y"}), ("other.json",))
NOBODY = 999_999_999  # no process has this number


def write(path, text, kind=KIND, **options):
    with fresh_folder(path, kind, **options) as new:
        (new / kind.head).write_text(f'{{"{min(kind.keys)}": "{text}"}}')
        (new / "part").mkdir()
        (new / "part" / "a").write_text(text)


def content(path):
    """What is whole there: the text, or None."""
    if not path.exists():
        return None
    found = {name: (path / name).read_text() for name in ("head.json", "part/a")}
    assert found["head.json"] == f'{{"x": "{found["part/a"]}"}}'
    return found["part/a"]


def tree(folder):
    """Everything in a folder and below it."""
    return {
        str(p.relative_to(folder)): os.readlink(p) if p.is_symlink() else p.is_file() and p.read_bytes()
        for p in sorted(folder.rglob("*"))
    }


# One process forks a child for each step that touches the disk; the child is stopped just before that step.
EACH_STEP = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_folders import content, write
from lfmp_core import folders, ownership
from lfmp_core.files import leftovers

place, how, swap = Path(sys.argv[2]), sys.argv[3], sys.argv[4]
if swap == "two renames":
    folders._exchange = lambda *_: False
else:
    assert folders._exchange(place / "left", place / "right")
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "ctypes.dlsym"}

def child(path, at):
    seen = 0
    def count(event, arguments):
        nonlocal seen
        seen += event in STEPS
        if event in STEPS and seen == at:
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt
    sys.addaudithook(count)
    try:
        write(path, "new")
    except KeyboardInterrupt:
        os._exit(1)
    os._exit(0)

found = []
for before in ("old", None):
    for at in range(1, 1000):
        path = place / f"{before} {at}" / "folder"
        path.parent.mkdir()
        if before:
            write(path, before)
        pid = os.fork()
        if not pid:
            child(path, at)
        status = os.waitpid(pid, 0)[1]
        stopped = os.WIFSIGNALED(status) if how == "kill" else os.waitstatus_to_exitcode(status) == 1
        if how == "kill" and swap == "two renames":
            ownership.restore(path)  # as whoever opens it does
        found.append(content(path))
        assert found[-1] in ("new", before), (at, found[-1])
        assert stopped or found[-1] == "new"
        folders.sweep(path.parent)
        assert content(path) == found[-1]
        assert [p.name for p in path.parent.iterdir()] == ["folder"] * bool(found[-1]), at
        if not stopped:
            break
    assert at > 15, at
assert found.count("new") > 2 and found.count("old") > 9 and found.count(None) > 9
"""


@pytest.mark.parametrize("swap", ["exchange", "two renames"])
@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_stopped_at_any_step_the_folder_is_the_old_one_or_the_new_one(tmp_path, how, swap):
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
    here = Path(__file__).parent
    if swap == "exchange" and not folders._exchange(tmp_path / "left", tmp_path / "right"):
        pytest.skip("no exchange of names here")
    command = [sys.executable, "-c", EACH_STEP, str(here), str(tmp_path), how, swap]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr


def test_all_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    synced, fsync, put = set(), os.fsync, folders._put

    def noted(number):
        synced.add(os.fstat(number).st_ino)
        fsync(number)

    def checked(new, path):
        assert {p.lstat().st_ino for p in [new, *new.rglob("*")]} <= synced
        return put(new, path)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(folders, "_put", checked)
    write(tmp_path / "a", "new")
    assert tmp_path.stat().st_ino in synced
    for writer in (atomic_write, create_whole):
        synced.clear()
        writer(tmp_path / writer.__name__, "text")
        assert {(tmp_path / writer.__name__).stat().st_ino, tmp_path.stat().st_ino} == synced


def foreign(place):
    """Name → something at `place` that nobody may replace."""

    def thesis():
        place.mkdir()
        (place / "thesis.tex").write_text("three years")

    def file():
        place.write_text("three years")

    def link():
        write(place.with_name("real"), "old")
        place.symlink_to("real")

    def dangling():
        place.symlink_to("nowhere")

    def other():
        write(place, "old", OTHER)

    def added():
        write(place, "old")
        (place / "notes.txt").write_text("mine")

    def added_below():
        write(place, "old")
        (place / "part" / "b").write_text("mine")

    def before_markers_and_added():
        write(place, "old")
        (place / MARKER).unlink()
        (place / "part" / "b").write_text("mine")

    def alike():
        place.mkdir()
        (place / "head.json").write_text('{"z": 1}')

    def around():
        write(place / "deep" / "here", "old")
        os.chdir(place / "deep" / "here")

    one_file = (thesis, file, link, dangling, other, alike, around)
    return {one.__name__: one for one in (*one_file, added, added_below, before_markers_and_added)}


@pytest.mark.parametrize("what", foreign(Path()))
def test_what_is_somebodys_is_refused_before_and_after_the_work(tmp_path, monkeypatch, what):
    """With a line that names it and the way out; nothing changes, whenever it came there."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "place"
    foreign(place)[what]()
    before = tree(tmp_path)
    with pytest.raises(DataError, match=r"place.*nothing there was touched\. Name another folder") as caught:
        write(place, "new")
    assert "\n" not in str(caught.value)
    assert tree(tmp_path) == before
    place = tmp_path / "second" / "place"
    place.parent.mkdir()
    with pytest.raises(DataError, match="nothing there was touched"), fresh_folder(place, KIND) as new:
        (new / "head.json").write_text('{"x": 1}')
        foreign(place)[what]()
        os.chdir(tmp_path / "second") if what != "around" else None
        before = tree(tmp_path / "second")
    assert tree(tmp_path / "second") == {k: v for k, v in before.items() if ".partial-" not in k}


@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "/", "file/below", "x" * 300])
def test_places_that_can_be_no_folder(tmp_path, monkeypatch, name):
    (tmp_path / "here" / "a").mkdir(parents=True)
    (tmp_path / "here" / "file").write_text("")
    monkeypatch.chdir(tmp_path / "here")
    before = tree(tmp_path)
    with pytest.raises(DataError, match="Name another"):
        write(name, "new")
    assert tree(tmp_path) == before


def test_what_may_be_replaced(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    write(path, "1")  # empty
    write(path, "2")  # of its kind
    (path / MARKER).unlink()
    write(path, "3")  # from before folders said what they are
    (path / "part" / "a").unlink()
    write(path, "4")  # damaged
    assert content(path) == "4" and os.listdir(tmp_path) == ["folder"]
    with pytest.raises(DataError, match=r"there is an older thing.*say --replace"):
        write(path, "5", replace=False)
    source = path / "part" / "a"
    with pytest.raises(DataError, match="it holds a, which is to be read"):
        write(path, "5", holds=[tmp_path / "elsewhere", source])
    assert content(path) == "4"


def left(path, state, pid, start=None, host=None):
    return path.with_name(f".{path.name}.{state}-{pid}" + (f"-{start}-{host}-0" if host else ""))


def test_leftovers_are_known_by_whose_they_are(tmp_path):
    own = files.birth(os.getpid())
    path, host = tmp_path / "set", files._host()
    alive = [beside(path), left(path, "partial", os.getpid()), left(path, "partial", NOBODY, own, "0" * 6)]
    dead = [
        left(path, "partial", NOBODY),
        left(path, "partial", NOBODY, own, host),
        left(path, "partial", os.getpid(), "1", host),  # its number is another's by now
        left(path, "partial", os.getpid(), own, "f" * 6),  # of another machine, and long ago
    ]
    for folder in alive + dead:
        folder.mkdir()
        (folder / "a").write_text("half")
    for name in ("a", "."):
        os.utime(dead[-1] / name, (0, 0))
    unlike = [".set.partial-x", "set.partial-999999999", ".set.parts-999999999", ".partial-999999999"]
    for name in unlike:
        (tmp_path / name).write_text("")
    assert {one.path: one.living for one in leftovers(tmp_path)} == {
        **dict.fromkeys(alive, True),
        **dict.fromkeys(dead, False),
    }
    write(tmp_path / "beside", "new")  # whoever passes sweeps, but for what may be anybody's
    there = {p.name for p in alive} | {*unlike, "beside"}
    assert {p.name for p in tmp_path.iterdir()} == there | {dead[0].name}
    write(path, "new")
    assert {p.name for p in tmp_path.iterdir()} == there | {"set"}
    dead[0].mkdir()
    sweep(tmp_path, own=True)  # in a folder of the program's own
    assert not dead[0].exists()
    assert not alive[0].exists() and not alive[1].exists() and alive[2].exists()


def test_what_was_put_aside_comes_back_or_goes_if_it_is_ours(tmp_path):
    path, old = tmp_path / "set", left(tmp_path / "set", "old", NOBODY)
    write(old, "old")
    restore(path)
    assert content(path) == "old" and not old.exists()
    path.rename(old)
    with pytest.raises(DataError, match="there is an older thing"):
        write(path, "new", replace=False)
    assert content(path) == "old"
    write(old, "older")
    sweep(tmp_path)
    assert content(path) == "old" and not old.exists()
    backup = tmp_path / ".profile.old-20230101"
    backup.write_text("mine")
    old.mkdir()  # an earlier version put aside whatever it was given
    (old / "thesis.tex").write_text("three years")
    sweep(tmp_path, KIND, path=path)
    write(path, "new")
    assert backup.exists()
    assert content(path) == "new" and (old / "thesis.tex").read_text() == "three years"


@pytest.mark.parametrize("swap", ["exchange", "two renames"])
def test_several_at_once(tmp_path, swap):
    """Each of three processes puts its own there again and again; with an exchange one is always there."""
    path = tmp_path / "folder"
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from test_folders import *\n"
    code += f"if {swap != 'exchange'}: folders._exchange = lambda *_: False\n"
    code += "for n in range(20): write(Path(sys.argv[1]), sys.argv[2])"
    write(path, "0")
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), str(n)]) for n in range(3)]
    while any(process.poll() is None for process in running):
        assert swap != "exchange" or path.exists()
        time.sleep(0.001)
    assert [process.returncode for process in running] == [0, 0, 0]
    assert content(path) in ("0", "1", "2") and os.listdir(tmp_path) == ["folder"]


def test_a_file_that_is_no_such_file_is_refused(tmp_path):
    known = lambda path: path.read_text() == "ours"
    for name, text in (("absent", None), ("empty", ""), ("ours", "ours")):
        if text is not None:
            (tmp_path / name).write_text(text)
        assert ownership.check_file(tmp_path / name, "picture", known) == tmp_path / name
    (tmp_path / "thesis").write_text("three years")
    (tmp_path / "link").symlink_to("ours")
    for name in ("thesis", "link", "."):
        with pytest.raises(DataError, match=r"not touched\. Name another file"):
            ownership.check_file(tmp_path / name, "picture", known)


def test_a_folder_that_is_swapped_while_it_is_looked_at_is_looked_at_again(tmp_path, monkeypatch):
    """Between two renames of another process there is none for a moment; what stays unknown is refused."""
    path, looks = tmp_path / "folder", []
    write(path, "old")
    look = ownership._problem

    def swapped(*given):
        looks.append(given)
        if len(looks) < 3:
            raise FileNotFoundError(2, "No such file or directory")
        return look(*given)

    monkeypatch.setattr(ownership, "_problem", swapped)
    write(path, "new")
    assert content(path) == "new" and len(looks) >= 3
    monkeypatch.setattr(ownership, "_problem", lambda *_: (_ for _ in ()).throw(FileNotFoundError(2, "gone")))
    with pytest.raises(DataError, match=r"can't be looked at \(gone\)"):
        write(path, "newer")


def test_what_was_asked_of_two_folders_is_asked_again(tmp_path, monkeypatch):
    """One is put aside before it is read, another there before it is listed: nobody's, at one look."""
    path, aside, other, reads = tmp_path / "folder", tmp_path / "aside", tmp_path / "other", []
    write(path, "old")
    write(other, "new")
    read_object = ownership.read_object

    def swapped(file):
        reads.append(file.name)
        if len(reads) == 1:
            path.rename(aside)
        found = read_object(file)
        if len(reads) == 2:
            other.rename(path)
        return found

    monkeypatch.setattr(ownership, "read_object", swapped)
    assert ownership.check_target(path, KIND) == path
    assert reads[:2] == [MARKER, KIND.head] and len(reads) > 2 and content(path) == "new"
    (path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"notes\.txt"):
        ownership.check_target(path, KIND)
