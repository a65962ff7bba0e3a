"""What a process that was killed leaves behind."""

from pathlib import Path

from imatlas.files import replacing
from imatlas.store import ModelFolder


def test_what_a_killed_process_was_writing_is_cleared_by_who_holds_the_folder_next(tmp_path: Path) -> None:
    """A writer that never came to its end, as after SIGKILL; whole files stay."""
    model = ModelFolder(tmp_path)
    model.write_config({"kind": "flow"})
    stopped = [replacing(model.folder / name) for name in ("state.safetensors", "prior/state.safetensors")]
    for one in stopped:
        one.__enter__().write(b"half")
    assert len(list(model.folder.rglob(".state*"))) == 2
    with model.held():
        pass
    assert {path.name for path in model.folder.rglob("*") if path.is_file()} == {"config.json", ".lock"}
