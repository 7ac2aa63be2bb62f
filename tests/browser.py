"""Headless Chromium for the tests of pages."""

import shutil
from pathlib import Path
from typing import Any

import pytest

BROWSER_WIDTH = 1280
#: Nothing is fetched: the page is a file, and the browser is kept from looking for updates.
QUIET = (
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
)


def start_browser(profile: Path) -> Any:
    """A driver of Chromium with a profile of its own. Skips the test if there is no Chromium."""
    # It takes a third of a second to import, and few tests need it.
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium, driver = shutil.which('chromium'), shutil.which('chromedriver')
    if chromium is None or driver is None:
        missing = 'chromium' if chromium is None else 'chromedriver'
        pytest.skip(f"there is no '{missing}' on the PATH to open the page with")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for word in (*QUIET, f'--user-data-dir={profile}', f'--window-size={BROWSER_WIDTH},900'):
        options.add_argument(word)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    return webdriver.Chrome(options=options, service=Service(driver))
