"""A headless Chromium that tests open pages in: Debian's ``chromium`` and ``chromedriver``, which ``.ci/run`` installs.

Use the fixture ``browser``, and mark what uses it ``browser``: such tests run in CI, after the default suite's own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Browser:
    """A window, one page at a time."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path | str, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        """Load a file or an address, in a window of this size, with the person's preference for dark or light."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        preference = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": [preference]})
        self.console()
        self.driver.get(page.resolve().as_uri() if isinstance(page, Path) else page)

    def console(self) -> list[str]:
        """What the console says since it was last asked: errors and warnings, those of the network included."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def ask(self, script: str, *arguments: object) -> Any:
        """What ``return ...`` returns in the page."""
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        """Keys, one after the other, for whatever has the focus."""
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.driver, duration=0).send_keys(key).perform()

    def scrolls_sideways(self) -> bool:
        """Whether the page is wider than its window."""
        return bool(self.ask("return document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def screenshot(self, path: Path, *, whole: bool = False) -> Path:
        """A PNG of the window, or of the whole page."""
        import base64

        told = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        path.write_bytes(base64.b64decode(told["data"]))
        return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; they are skipped where there is none."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs Debian's packages chromium and chromium-driver, which .ci/run installs")
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium, which the extra test installs")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    # CI is root in a container: there is neither a sandbox for root nor much shared memory.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    try:
        yield Browser(started)
    finally:
        started.quit()
