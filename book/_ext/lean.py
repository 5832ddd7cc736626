"""A page is kept without what it was parsed with.

Nodes out of an `eval-rst` block still belong to the document that the block was parsed in, which holds the
settings of the whole build. Kept with a page they would be megabytes, written and read back for each.
"""


def own(doctree) -> None:
    """Let each node belong to the page that it stands on."""
    for node in doctree.findall():
        node.document = doctree


def _own(app, doctree):
    own(doctree)


def setup(app):
    app.connect("doctree-read", _own, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
