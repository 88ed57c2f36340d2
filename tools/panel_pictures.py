"""Photographs the panel: `python tools/panel_pictures.py` writes docs/images/panel_*.png.

A simulated head says the sentence that ships, and a headless Chromium looks at it, on a desk and on a phone,
by day and by night. Needs the Debian packages chromium and chromium-driver.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By

from lipwright import resources

IMAGES = Path(__file__).parents[1] / "docs" / "images"
PORT = 7781
URL = f"http://127.0.0.1:{PORT}"
DESK, PHONE = (1280, 860), (390, 844)
# Of its range: a mouth that is well open, and lids that are.
JAW_OPEN, LID_OPEN = 0.3, 0.45
COLORS = 160


def main() -> None:
    """Takes all of them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with serving():
        for size, by_night, name, tab in (
            (DESK, False, "desktop", "talk"),
            (DESK, True, "desktop_dark", "feel"),
            (PHONE, False, "phone", "talk"),
            (PHONE, True, "phone_calibrate", "calibrate"),
        ):
            with browser(size, by_night) as page:
                photograph(page, name, tab)


def photograph(page: webdriver.Chrome, name: str, tab: str) -> None:
    """One picture of one tab."""
    page.get(URL)
    wait(page, "return document.getElementById('pill').textContent === 'alive'")
    page.find_element(By.ID, f"tab-{tab}").click()
    if tab == "calibrate":
        click(page, "calibrate-begin")
        wait(page, "return !document.getElementById('calibrate-in').hidden")
        click(page, "power")
        wait(page, "return document.getElementById('power').textContent === 'Limp'")
        for _ in range(4):
            page.find_element(By.CSS_SELECTOR, "[data-move='20']").click()
            time.sleep(0.4)
        page.execute_script("document.getElementById('tools').scrollIntoView()")
        time.sleep(0.3)
    else:
        if tab == "feel":
            page.find_element(By.XPATH, "//div[@id='expressions']/button[.='smile']").click()
        ask("/api/v1/speak", resources.shipped_clip().read_bytes())
        wait(page, "return document.getElementById('pill').textContent === 'speaks'")
        wait_for_open_face()
    file = IMAGES / f"panel_{name}.png"
    page.save_screenshot(str(file))
    picture = Image.open(file).convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=COLORS)
    picture.save(file, optimize=True)
    print(file)
    if tab == "calibrate":
        click(page, "calibrate-end")
        wait(page, "return !document.getElementById('calibrate-out').hidden")
    else:
        ask("/api/v1/interrupt", b"")


@contextlib.contextmanager
def browser(size: tuple[int, int], by_night: bool = False) -> Iterator[webdriver.Chrome]:
    """A headless Chromium with a page of this size, in CSS pixels."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    page = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if by_night else "light"}
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield page
    finally:
        page.quit()


@contextlib.contextmanager
def serving() -> Iterator[None]:
    """The service, on a simulated head."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "STATE_DIRECTORY": folder, "RUNTIME_DIRECTORY": folder}
        command = [sys.executable, "-m", "lipwright", "serve", "--sim", "--mute", "--http-port", str(PORT)]
        with subprocess.Popen(command, env=environment) as process:
            try:
                until = time.monotonic() + 60
                while time.monotonic() < until:
                    with contextlib.suppress(urllib.error.URLError):
                        if b'"connected":true' in ask("/api/v1/state"):
                            break
                    time.sleep(0.2)
                yield
            finally:
                process.terminate()


def ask(path: str, body: bytes | None = None) -> bytes:
    """An answer of the API."""
    with urllib.request.urlopen(urllib.request.Request(URL + path, body)) as answer:
        found: bytes = answer.read()
        return found


def wait_for_open_face() -> None:
    """Until the sentence opens the mouth and life has not closed the eyes."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        targets = json.loads(ask("/api/v1/state"))["snapshot"]["targets"]
        if targets[0] > JAW_OPEN and targets[15] < LID_OPEN:
            return
        time.sleep(0.04)  # the API does not like to be asked more often


def click(page: webdriver.Chrome, name: str) -> None:
    """Clicks, clear of the bar at the bottom of a phone."""
    button = page.find_element(By.ID, name)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def wait(page: webdriver.Chrome, script: str) -> None:
    """Until a script is true. Raises TimeoutError."""
    until = time.monotonic() + 30
    while not page.execute_script(script):
        if time.monotonic() > until:
            raise TimeoutError(script)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
