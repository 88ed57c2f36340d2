"""The panel in a real browser, on the real service and the real firmware: what a person sees and can do."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest

from liplab.board import SimulatedBoard
from lipwright import resources
from lipwright.live.service_socket import NAME, WatchSign

if not (shutil.which("chromium") and shutil.which("chromedriver")):
    pytest.skip("NOT TESTED: no browser here; apt install chromium chromium-driver", allow_module_level=True)

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

PORT, NETWORK_PORT = 7791, 7792
URL = f"http://127.0.0.1:{PORT}"
DESK, PHONE = (1280, 860), (390, 844)
TABS = ("talk", "feel", "calibrate", "shows", "journal")
SERVOS = 26
# Text and what lies behind it, as WCAG 2 reckons their contrast; 4.5 is its level AA.
CONTRAST = """
const light = (c) => [0, 1, 2].map((i) => { const v = c[i] / 255;
  return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; })
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const behind = (one) => { for (; one; one = one.parentElement) {
  const c = parse(getComputedStyle(one).backgroundColor); if (c.length < 4 || c[3] > .9) return c; }
  return [255, 255, 255]; };
const found = [];
for (const one of document.querySelectorAll("body *")) {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !one.checkVisibility() || one.disabled || one.closest("svg, option")) continue;
  if (one.getBoundingClientRect().width < 3) continue;
  const [a, b] = [light(parse(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
  const ratio = (a + .05) / (b + .05);
  if (ratio < 4.5) found.push(one.id + " " + one.textContent.trim().slice(0, 30) + ": " + ratio.toFixed(2));
}
return found;
"""


class Meter:
    """In the head's place: how many servos have pulses."""

    def __init__(self):
        self.on = 0

    def set_pulses(self, pulses_us, t):
        """Takes note."""
        self.on = int(np.count_nonzero(pulses_us))

    def advance(self, t):
        """Nothing moves here."""


def until(what, limit_s=15.0):
    """Until something holds; returns what it was, and how long that took."""
    began = time.monotonic()
    while not (found := _tried(what)):
        assert time.monotonic() - began < limit_s, "that never came"
        time.sleep(0.01)
    return found, time.monotonic() - began


def _tried(what):
    try:
        return what()
    except (NoSuchElementException, StaleElementReferenceException):  # the page is being exchanged
        return None


@contextmanager
def serving(folder, board, port, *arguments):
    command = [sys.executable, "-m", "lipwright", "serve", "--mute", "--port", board.port]
    variables = {**os.environ, "STATE_DIRECTORY": str(folder), "RUNTIME_DIRECTORY": str(folder)}
    log = folder / "log"
    with log.open("w") as said:
        command += ["--http-port", str(port), *arguments]
        process = subprocess.Popen(command, env=variables, stderr=said)
        try:
            until(lambda: "the panel is at" in log.read_text(), 30)
            yield log
        finally:
            process.terminate()
            process.wait(10)
    assert "Traceback" not in log.read_text()


@contextmanager
def browser(size=DESK):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    # A microphone that beeps, for which nobody is asked.
    for argument in ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        resize(driver, size)
        yield driver
    finally:
        driver.quit()


def resize(driver, size):
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.fixture(scope="module")
def meter():
    return Meter()


@pytest.fixture(scope="module")
def board(meter):
    with SimulatedBoard("auto", head=meter, outputs=range(SERVOS)) as board:
        yield board


@pytest.fixture(scope="module")
def served(board, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("state"), board, PORT) as log:
        yield log


@pytest.fixture(scope="module")
def driver():
    with browser() as driver:
        yield driver


@pytest.fixture
def page(served, driver, meter):
    """The panel of a head that is alive and silent."""
    for path in ("interrupt", "resume"):
        ask(f"/api/v1/{path}", b"")
    resize(driver, DESK)
    driver.get(URL)
    until(lambda: text(driver, "pill") == "alive" and meter.on == SERVOS)
    yield driver
    complaints = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    # The browser itself complains of every answer that is an error, which tests ask for.
    assert [entry for entry in complaints if "the server responded with" not in entry["message"]] == []


def ask(path, body=None):
    with urllib.request.urlopen(urllib.request.Request(URL + path, body)) as answer:
        return json.loads(answer.read())


def text(driver, name):
    return driver.find_element(By.ID, name).text


def is_shown(driver, name):
    return driver.find_element(By.ID, name).is_displayed()


def click(driver, name):
    button = driver.find_element(By.ID, name) if isinstance(name, str) else name
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def tab(driver, name):
    click(driver, f"tab-{name}")


def test_what_is_typed_is_spoken_and_the_drawn_mouth_moves(page):
    mouth = "return document.querySelector('#inside path').getAttribute('d')"
    page.find_element(By.ID, "text").send_keys("A big blue boat, and a man.")
    click(page, page.find_element(By.CSS_SELECTOR, "#say [type=submit]"))
    until(lambda: text(page, "pill") == "speaks")
    assert text(page, "state") == "A text speaks."
    seen = set()
    until(lambda: seen.add(page.execute_script(mouth)) or len(seen) > 8)
    until(lambda: text(page, "level").endswith("dB") or text(page, "pill") == "alive")
    click(page, "interrupt")
    until(lambda: text(page, "pill") == "alive")


def test_a_file_that_is_chosen_is_spoken(page):
    page.find_element(By.ID, "file").send_keys(str(resources.shipped_clip()))
    until(lambda: text(page, "pill") == "speaks")
    click(page, "interrupt")
    until(lambda: "interrupted" in text(page, "upload"))
    page.find_element(By.ID, "file").send_keys(__file__)
    until(lambda: "Send MP3" in text(page, "upload") or "sound" in text(page, "upload").lower(), 5)
    assert text(page, "pill") == "alive"


def test_the_microphone_is_followed_and_everybody_sees_that_it_is_on(page):
    assert not is_shown(page, "listening")
    click(page, "microphone")
    until(lambda: is_shown(page, "listening"))
    until(lambda: text(page, "level").endswith("dB"))
    assert "A microphone is being listened to" in text(page, "listening")
    click(page, "microphone")
    until(lambda: not is_shown(page, "listening"))


def test_everybody_sees_that_somebody_is_watched_and_can_end_it(page, served):
    assert not is_shown(page, "watching")
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(served.with_name(NAME)))
    with contextlib.closing(WatchSign(client)) as sign:
        sign.tell("Watched: <b>anna</b>; 2 clips kept")
        until(lambda: is_shown(page, "watching"))
        assert "Camera and microphone are on. Watched: <b>anna</b>; 2 clips kept" in text(page, "watching")
        assert not page.execute_script(CONTRAST)
        click(page, "watching-stop")
        until(sign.is_stop_wanted)
    until(lambda: not is_shown(page, "watching"))


def test_stop_makes_all_servos_limp_at_once_and_go_on_ends_that(page, meter):
    click(page, "stop")
    _, took = until(lambda: meter.on == 0)
    assert took < 0.6
    until(lambda: text(page, "pill") == "stopped")
    until(lambda: is_shown(page, "limp"))
    assert "limp" in page.find_element(By.ID, "face").get_attribute("class")
    click(page, "resume")
    until(lambda: meter.on == SERVOS)
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.CONTROL, ".")
    until(lambda: meter.on == 0)
    until(lambda: text(page, "pill") == "stopped")
    click(page, "resume")
    until(lambda: meter.on == SERVOS)


def test_expressions_moods_and_life_are_a_click_away(page):
    tab(page, "feel")
    click(page, page.find_element(By.XPATH, "//div[@id='expressions']/button[.='surprise']"))
    brow = "return document.querySelectorAll('#channels i')[19].style.left"
    until(lambda: float(page.execute_script(brow).rstrip("%")) > 75)
    mood = page.find_element(By.XPATH, "//div[@id='moods']/button[.='listening']")
    click(page, mood)
    until(lambda: mood.get_attribute("aria-pressed") == "true")
    click(page, "life")
    until(lambda: ask("/api/v1/state")["snapshot"]["life"] is False)
    click(page, "life")
    until(lambda: ask("/api/v1/state")["snapshot"]["life"] is True)


def test_a_servo_is_calibrated_and_saved(page, meter):
    tab(page, "calibrate")
    click(page, "calibrate-begin")
    until(lambda: is_shown(page, "calibrate-in") and meter.on == 0)
    click(page, "servo-next")
    until(lambda: page.execute_script("return document.getElementById('servo').value") == "1")
    click(page, "power")
    until(lambda: text(page, "power") == "Limp" and meter.on == 1)
    before = int(text(page, "at-us"))
    click(page, page.find_element(By.CSS_SELECTOR, "[data-move='20']"))
    until(lambda: int(text(page, "at-us")) == before + 20)
    click(page, page.find_element(By.CSS_SELECTOR, "[data-set='rest']"))
    until(lambda: text(page, "rest-us") == str(before + 20))
    click(page, "save")
    until(lambda: "aved" in text(page, "calibrate-notice") and meter.on == 0)
    assert re.search(r"Saved in .*my_head\.toml", text(page, "calibrate-file"))
    click(page, "calibrate-end")
    until(lambda: text(page, "pill") == "alive" and meter.on == SERVOS)


@pytest.mark.parametrize("size", [PHONE, (320, 640)], ids=["phone", "small phone"])
def test_a_servo_can_be_calibrated_on_a_phone(page, size):
    resize(page, size)
    tab(page, "calibrate")
    click(page, "calibrate-begin")
    until(lambda: is_shown(page, "calibrate-in"))
    for button in page.find_elements(
        By.CSS_SELECTOR, "#calibrate-in button, #calibrate-in input, #calibrate-in dd"
    ):
        assert button.rect["x"] + button.rect["width"] <= size[0] - 16, button.text
    assert page.execute_script("return document.documentElement.scrollWidth") <= size[0]
    click(page, "calibrate-end")
    until(lambda: is_shown(page, "calibrate-out"))


def test_a_page_that_goes_leaves_the_servo_limp_within_a_second(page, meter):
    tab(page, "calibrate")
    click(page, "calibrate-begin")
    until(lambda: is_shown(page, "calibrate-in"))
    click(page, "power")
    until(lambda: meter.on == 1)
    time.sleep(1.2)
    assert meter.on == 1
    page.get("about:blank")
    _, took = until(lambda: meter.on == 0)
    assert took < 1.0


def test_a_show_is_stored_played_and_deleted(page, tmp_path):
    import soundfile

    samples, rate = soundfile.read(resources.shipped_clip())
    soundfile.write(tmp_path / "word.wav", samples[: rate // 2], rate)
    tab(page, "shows")
    until(lambda: "No shows" in text(page, "show-list"))
    page.find_element(By.ID, "show-name").send_keys("word")
    page.find_element(By.ID, "show-file").send_keys(str(tmp_path / "word.wav"))
    click(page, page.find_element(By.CSS_SELECTOR, "#show-form [type=submit]"))
    until(lambda: text(page, "show-notice") == "Stored.")
    click(page, page.find_element(By.CSS_SELECTOR, "[aria-label='Play word']"))
    until(lambda: text(page, "pill") == "plays word")
    until(lambda: text(page, "pill") == "alive")
    click(page, page.find_element(By.CSS_SELECTOR, "[aria-label='Delete word']"))
    page.switch_to.alert.accept()
    until(lambda: "No shows" in text(page, "show-list"))


@pytest.mark.parametrize("size", [PHONE, (320, 640), DESK], ids=["phone", "small phone", "desk"])
def test_nothing_is_wider_than_the_screen_and_stop_is_always_in_sight(page, size):
    resize(page, size)
    for name in TABS:
        tab(page, name)
        assert page.execute_script("return document.documentElement.scrollWidth") <= size[0], name
        for place in (0, 10_000):
            page.execute_script(f"scrollTo(0, {place})")
            time.sleep(0.05)
            box = page.execute_script(
                "const b = document.getElementById('stop').getBoundingClientRect();"
                "return [b.left, b.top, b.right, b.bottom]"
            )
            assert box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1], name
            assert box[3] - box[1] >= 44


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_by_day_and_by_night(page, scheme):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    for name in TABS:
        tab(page, name)
        page.execute_script("document.activeElement.blur()")
        assert page.execute_script(CONTRAST) == [], name
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_screen_reader_has_a_name_for_everything_that_can_be_used(page):
    roles = ("button", "textbox", "combobox", "slider", "switch", "checkbox", "tab", "spinbutton", "img")
    for name in TABS:
        tab(page, name)
        nodes = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        used = [node for node in nodes if node.get("role", {}).get("value") in roles and not node["ignored"]]
        assert len(used) > 5
        nameless = [node["role"] for node in used if not node.get("name", {}).get("value")]
        assert nameless == [], name


def test_tabs_go_by_arrow_keys(page):
    page.find_element(By.ID, "tab-talk").send_keys(Keys.ARROW_RIGHT)
    assert page.switch_to.active_element.get_attribute("id") == "tab-feel" and is_shown(page, "feel")
    page.switch_to.active_element.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert is_shown(page, "journal") and "Connected" in text(page, "entries")


def test_nothing_is_fetched_from_elsewhere_and_the_panel_is_small(page):
    script = "return performance.getEntriesByType('resource').map((one) => one.name)"
    names = page.execute_script(script)
    assert names and all(name.startswith((URL, "blob:" + URL)) for name in names)
    sizes = []
    for path in ("/", "/panel.js", "/panel.css", "/icon.svg"):
        with urllib.request.urlopen(URL + path) as answer:
            sizes.append(len(answer.read()))
    assert sum(sizes) < 60_000


def test_who_wants_little_motion_gets_no_animations(page):
    feature = {"name": "prefers-reduced-motion", "value": "reduce"}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    ask("/api/v1/expression", b'{"name": "smile"}')
    assert page.execute_script("return document.getAnimations().length") == 0
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_over_the_network_a_browser_pairs_first(tmp_path):
    with (
        SimulatedBoard("auto") as board,
        serving(tmp_path, board, NETWORK_PORT, "--listen", "0.0.0.0") as log,
        browser(PHONE) as driver,
    ):
        url = f"http://127.0.0.1:{NETWORK_PORT}"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/api/v1/state")
        assert refused.value.code == 401
        driver.get(url)
        assert driver.current_url == f"{url}/pair"
        assert driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
        code = driver.find_element(By.ID, "code")
        right = "".join(re.findall(r"the code (\d{3}) (\d{3})", log.read_text())[-1])
        code.send_keys("000000" if right != "000000" else "000001")
        code.submit()
        until(lambda: "not the code" in text(driver, "notice"))
        assert driver.execute_script(CONTRAST) == []
        code = driver.find_element(By.ID, "code")
        code.send_keys(right)
        code.submit()
        until(lambda: driver.current_url == f"{url}/")
        until(lambda: text(driver, "pill") == "alive")
        assert driver.execute_script("return document.cookie") == ""
