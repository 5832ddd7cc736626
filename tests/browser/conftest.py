"""A browser, and pages that are opened in it."""

import pytest
from built_book import CHROMIUM, SITE


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def look(browser):
    """Open a page; what its console said and what it asked for is in its `heard`."""
    contexts = []

    def look(name, width=1440, scheme="light", **more):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, **more
        )
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.heard = []
        page.on("pageerror", lambda error: page.heard.append(f"error: {error}"))
        # a request that the way to another page cut off has not failed
        page.on(
            "requestfailed",
            lambda r: r.failure == "net::ERR_ABORTED" or page.heard.append(f"failed: {r.url}"),
        )
        page.on(
            "request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or page.heard.append(r.url)
        )
        page.on("console", lambda m: m.type in ("error", "warning") and page.heard.append(m.text))
        page.goto((SITE / f"{name}.html").as_uri())
        page.wait_for_load_state("load")
        return page

    yield look
    for context in contexts:
        context.close()
