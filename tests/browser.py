"""A reader of the report: Chromium, without a window."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

OPTIONS = [
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "disable-dev-shm-usage",
    "window-size=1500,1000",
]
PICTURE, PAGE = "//img[not(ancestor::nav)]", "//iframe"  # what a result is shown as
MOVING = (ElementClickInterceptedException, NoSuchElementException, StaleElementReferenceException)


class Reader:
    """Somebody who clicks through a report.

    Args:
        driver: The browser.
        report: The report's page.
    """

    def __init__(self, driver: webdriver.Chrome, report: Path) -> None:
        self.driver = driver
        driver.get(report.absolute().as_uri())
        self.wait("//nav")

    def wait(self, xpath: str):
        """The element, once it is there."""
        return WebDriverWait(self.driver, 20).until(lambda driver: driver.find_element(By.XPATH, xpath))

    def click(self, xpath: str) -> None:
        """Click an element, once it is there and has come to rest."""

        def clicked(driver: webdriver.Chrome) -> bool:
            driver.find_element(By.XPATH, xpath).click()
            return True

        WebDriverWait(self.driver, 20, ignored_exceptions=MOVING).until(clicked)

    def open(self, *menu: str) -> None:
        """Go from the start into a category, a subcategory."""
        self.click("//nav//nav//a")
        for name in menu:
            self.click(f"//nav//a[normalize-space()='{name}']")

    def menu(self) -> list[str]:
        """What there is to open from the start."""
        self.click("//nav//nav//a")
        return [entry.text for entry in self.driver.find_elements(By.XPATH, "//nav//a")]

    def show(self, labels: str) -> None:
        """Look at the result, another than the one that is shown, whose labels start so.

        A click on a menu that is still being drawn can go astray, so that it is made again until it has shown.
        """
        before = self.shown()

        def appeared(driver: webdriver.Chrome) -> bool:
            self.click(f"//nav//tr[starts-with(normalize-space(), '{labels}')]//a[1]")
            try:
                WebDriverWait(driver, 5, ignored_exceptions=MOVING).until(
                    lambda _: self.shown() not in ([], before)
                )
            except TimeoutException:
                return False
            return True

        WebDriverWait(self.driver, 60).until(appeared)

    def shown(self) -> list[str | None]:
        """The addresses of the results that are shown."""
        results = self.driver.find_elements(By.XPATH, f"{PICTURE} | {PAGE}")
        return [result.get_attribute("src") for result in results]

    def toggle(self, value: str) -> None:
        """Set a label's toggle."""
        self.click(f"//nav//label[normalize-space()='{value}']")

    def picture(self) -> bytes:
        """The file of the picture that is shown, once it is loaded."""
        picture = self.wait(PICTURE)
        WebDriverWait(self.driver, 20).until(lambda driver: picture.get_property("naturalWidth"))
        with urlopen(picture.get_attribute("src")) as file:
            return file.read()

    def rows(self) -> list[list[str]]:
        """The cells of the table that is shown."""
        self.driver.switch_to.frame(self.wait(PAGE))
        self.wait("//table")
        rows = self.driver.find_elements(By.XPATH, "//table//tr")
        cells = [[cell.text for cell in row.find_elements(By.XPATH, "./*")] for row in rows]
        self.driver.switch_to.default_content()
        return cells

    def errors(self) -> list[str]:
        """What the console has of errors."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """The browser, with a new profile; skips the test where it is not installed."""
    if missing := [program for program in ("chromium", "chromedriver") if not shutil.which(program)]:
        pytest.skip(f"no {', '.join(missing)} on this machine; `make services` installs them")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for option in [*OPTIONS, f"user-data-dir={profile}"]:
        options.add_argument(f"--{option}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()
