"""What benchmarks/studio.py does with a server and a page, and the numbers that come of it.

Clicks and drags come from outside, as a mouse's do; the clock runs inside the page, from the release of the button until the
picture has been loaded into the panel.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np
from driving import Server, Visitor, crowded
from playwright.sync_api import Page, expect, sync_playwright

SOFTWARE = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WAIT = 120_000  # ms
N_CLICKS, QUICK_CLICKS = 100, 5
N_FRAMES = 16  # of a morph, as the page asks for them
CLEARED = 50  # the page keeps 60 drawn images
MOVED_SECONDS, QUICK_SECONDS = 5.0, 1.0

CLOCK = """() => {
  window.begun = 0;
  window.taken = [];
  document.addEventListener("pointerup", (event) => {
    if (event.target.closest("#map")) window.begun = performance.now();
  }, true);
  document.addEventListener("load", (event) => {
    if (!window.begun || !event.target.closest("#panel-draw figure.large, #panel-paths .screens")) return;
    window.taken.push(performance.now() - window.begun);
    window.begun = 0;
  }, true);
}"""

PAINTED = """() => new Promise((done) => {
  const look = () => {
    const mark = performance.getEntriesByName("imatlas-painted")[0];
    if (mark) done(mark.startTime);
    else setTimeout(look, 5);
  };
  look();
})"""

# One frame pans by an arrow key, the next zooms by the wheel; after 40 it is where it was, so that the map stays in sight.
MOVE = """(seconds) => new Promise((done) => {
  const map = document.getElementById("map"), box = map.getBoundingClientRect(), gaps = [];
  const middle = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, bubbles: true, cancelable: true };
  const begun = performance.now();
  let last = begun, i = 0;
  const frame = () => {
    const now = performance.now(), back = i % 40 >= 20;
    gaps.push(now - last);
    last = now;
    if (now - begun > 1000 * seconds) return void done(gaps.slice(1));
    if (i++ % 2) map.dispatchEvent(new WheelEvent("wheel", { ...middle, deltaY: back ? 40 : -40 }));
    else {
      const key = back ? "ArrowLeft" : "ArrowRight";
      map.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey: true, bubbles: true }));
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""


class Bench:
    """A browser, and a server for each atlas that is measured.

    Parameters
    ----------
    path : of the browser.
    scratch : where the sets and the logs of servers lie.
    quick : few clicks, short movements.
    """

    def __init__(self, path: str, scratch: Path, *, quick: bool) -> None:
        self.path, self.scratch, self.quick = path, scratch, quick

    def __enter__(self) -> "Bench":
        expect.set_options(timeout=WAIT)
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(executable_path=self.path, args=SOFTWARE)
        self.says = f"Chromium {self.browser.version}, headless, WebGL by SwiftShader, 1,280 x 720"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.browser.close()
        self.playwright.stop()

    def start(self, folder: Path) -> dict[str, float]:
        """Seconds from the command to the printed address, and to the first answer."""
        begun = time.perf_counter()
        with self.serve(folder) as server:
            seconds = time.perf_counter() - begun
            server.get("/api/atlas")
            return {"seconds": seconds, "answer_seconds": time.perf_counter() - begun}

    def draw(self, folder: Path) -> dict[str, float]:
        """Milliseconds from a click at an image's place to the image, and seconds from the end of a line to its morph."""
        with self.serve(folder) as server, self.visit(server, "canvas") as visitor:
            places = np.frombuffer(server.get("/api/map/places"), "<f4").reshape(-1, 2).astype(float)
            row, within = crowded(places, 60)
            scale = 150 / within
            visitor.look_at(places[row], scale, "&tool=draw&tab=draw")
            visitor.page.evaluate(CLOCK)
            offsets = (places - places[row]) * scale
            first, *rest = self.click(visitor, offsets[np.linalg.norm(offsets, axis=1) <= 150])
            visitor.tool("Line")
            visitor.drag((-100, 0), (0, 20), (100, 0))
            expect(visitor.page.locator("#panel-paths .strip button")).to_have_count(N_FRAMES)
            morph = visitor.page.evaluate("() => window.taken[window.taken.length - 1]") / 1000
        return {
            "first_click_ms": float(first),
            "click_p50_ms": float(statistics.median(rest)),
            "click_p95_ms": float(np.percentile(rest, 95)),
            "clicks": len(rest),
            "morph_seconds": morph,
        }

    def click(self, visitor: Visitor, offsets: np.ndarray) -> list[float]:
        """Click at places of images, one after the other; give the milliseconds that each took."""
        page, drawn = visitor.page, visitor.page.locator("#tray .tray-row button img")
        clear = page.locator("#tray").get_by_role("button", name="Clear")
        count = 0
        for i in range((QUICK_CLICKS if self.quick else N_CLICKS) + 1):
            if count == CLEARED:
                clear.click()
                expect(drawn).to_have_count(0)
                count = 0
            dx, dy = offsets[i % len(offsets)]
            x, y = visitor.middle
            page.mouse.click(x + dx, y - dy)
            count += 1
            expect(drawn).to_have_count(count)
        return page.evaluate("() => window.taken")

    def paint(self, folder: Path) -> dict[str, float]:
        """Seconds from asking for the page to its first painted map: of a server just started, and once more."""
        with self.serve(folder) as server:
            with self.visit(server, "") as visitor:
                first = painted(visitor.page, server)
                kind = visitor.page.locator("html").get_attribute("data-map")
            with self.visit(server, "") as visitor:
                again = painted(visitor.page, server)
        return {"first_seconds": first, "again_seconds": again, "map": kind}

    def move(self, folder: Path, renderer: str) -> dict[str, float]:
        """Frames per second while the whole map is panned and zoomed."""
        with self.serve(folder) as server, self.visit(server, renderer) as visitor:
            visitor.open()
            gaps = visitor.page.evaluate(MOVE, QUICK_SECONDS if self.quick else MOVED_SECONDS)
        return {"frames_per_second": 1000 * len(gaps) / sum(gaps), "gap_p95_ms": float(np.percentile(gaps, 95))}

    @contextmanager
    def serve(self, folder: Path) -> Iterator[Server]:
        """Run a server of an atlas."""
        with Server(folder.resolve(), self.scratch / "studio.log") as server:
            yield server

    @contextmanager
    def visit(self, server: Server, renderer: str) -> Iterator[Visitor]:
        """Give a person with a fresh browser; what goes wrong in the console is an error."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 720})
        context.set_default_timeout(WAIT)
        visitor = Visitor(context, server, renderer)
        yield visitor
        context.close()
        if visitor.errors:
            raise RuntimeError(f"The console is not clean: {visitor.errors}")


def painted(page: Page, server: Server) -> float:
    """Open the page as the studio shows it without being told by what; give the seconds until its map is painted."""
    page.goto(f"{server.root}/", wait_until="commit")
    return page.evaluate(PAINTED) / 1000
