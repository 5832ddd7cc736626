"""The contents beside each page: the parts and their chapters, without what stands below a chapter.

The theme works out the whole tree for every page, each module of the package among it, and then cuts it to
this; for hundreds of pages that takes longer than to write them.
"""

from sphinx import addnodes


def below(includes: dict[str, list[str]], name: str) -> set[str]:
    """A page and all that its contents lead to.

    Args:
        includes: a page → those that its own contents name.
    """
    return {name}.union(*(below(includes, child) for child in includes.get(name, ())))


def parts(env, pagename: str) -> list[dict]:
    """Each part's caption and its chapters: page, title, and whether the page at hand is of that chapter."""
    return [
        {
            "caption": tree.get("caption"),
            "chapters": [
                {
                    "page": name,
                    "title": env.titles[name].astext(),
                    "current": pagename in below(env.toctree_includes, name),
                }
                for _, name in tree["entries"]
                if name in env.titles
            ],
        }
        for tree in env.master_doctree.findall(addnodes.toctree)
    ]


def _add(app, pagename, templatename, context, doctree):
    context["parts"] = parts(app.env, pagename)


def setup(app):
    app.connect("html-page-context", _add)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
