#!/usr/bin/python3
"""The desktop app as a screen reader and a panel see it: first run, a URL that answers, the keyboard, a second start,
stop, the tray, quit.

Usage: story.py FOLDER-WITH-adit-AND-adit-desktop [SCREENSHOT]

Drives the real programs through the accessibility bus, on a screen and a message bus of its own
(`tests/desktop/run` makes both). Nothing in them is made for this. Ends with 0 when all went well.
"""

import http.server
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402

from panel import Panel  # noqa: E402

DOWN, UP, RIGHT, MENU, ESCAPE = 0xFF54, 0xFF52, 0xFF53, 0xFF67, 0xFF1B  # as X names keys
LIMIT = 60  # seconds; longer than anything takes on a busy machine
LOOK = 0.1  # seconds between two looks, where nobody tells


class Failed(Exception):
    pass


def say(text):
    print(f"- {text}", flush=True)


def until(what, look):
    """Waits until `look` returns something that is true, and returns it."""
    end = time.monotonic() + LIMIT
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"waited {LIMIT} s for {what}")
        time.sleep(LOOK)


def elements(node, depth=0):
    """All elements below and with `node`. Those that go away meanwhile are left out."""
    if node is None or depth > 40:
        return
    yield node
    try:
        count = node.get_child_count()
    except Exception:  # noqa: BLE001: gone
        return
    for index in range(count):
        try:
            child = node.get_child_at_index(index)
        except Exception:  # noqa: BLE001: gone
            continue
        yield from elements(child, depth + 1)


def name(node):
    try:
        return node.get_name() or ""
    except Exception:  # noqa: BLE001: gone
        return ""


class App:
    """The running app, by its names."""

    def __init__(self, pid):
        self.pid = pid

    def root(self):
        desktop = Atspi.get_desktop(0)
        for index in range(desktop.get_child_count()):
            app = desktop.get_child_at_index(index)
            if app is not None and app.get_process_id() == self.pid:
                return app
        return None

    def all(self, pattern):
        return [it for it in elements(self.root()) if re.search(pattern, name(it))]

    def one(self, pattern):
        def look():
            found = self.all(pattern)
            return found[0] if found else None

        try:
            return until(f"an element called /{pattern}/", look)
        except Failed as failed:
            there = sorted({name(it) for it in elements(self.root())})
            raise Failed(f"{failed}; there are {there}") from None

    def press(self, pattern):
        def look():
            for it in self.all(pattern):
                try:
                    if it.get_n_actions() > 0 and it.do_action(0):
                        return True
                except Exception:  # noqa: BLE001: gone, or no actions
                    continue
            return False

        until(f"something to press called /{pattern}/", look)


    def focused(self):
        """What a screen reader reads: the names of what has the focus."""
        found = []
        for it in elements(self.root()):
            try:
                if it.get_state_set().contains(Atspi.StateType.FOCUSED):
                    found.append(name(it))
            except Exception:  # noqa: BLE001: gone
                continue
        return found

    def key(self, key, pattern):
        """Presses a key, which leads a screen reader to what is called so."""
        Atspi.generate_keyboard_event(key, None, Atspi.KeySynthType.SYM)

        def look():
            return [it for it in self.focused() if re.search(pattern, it)]

        try:
            until(f"the focus on /{pattern}/", look)
        except Failed as failed:
            raise Failed(f"{failed}; it is on {self.focused()}") from None


class Page(http.server.BaseHTTPRequestHandler):
    TEXT = b"hello from the local server"

    def do_GET(self):  # noqa: N802: the library's name
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.TEXT)))
        self.end_headers()
        self.wfile.write(self.TEXT)

    def log_message(self, *_):
        pass


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read()
    except OSError:
        return b""


def clipboard():
    """What another program would paste."""
    pasted = subprocess.run(
        ["xclip", "-selection", "clipboard", "-out"], capture_output=True, text=True, timeout=LIMIT
    )
    return pasted.stdout.strip().rstrip("/")


def story(folder, picture):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    home = tempfile.TemporaryDirectory()
    environment = dict(os.environ)
    for variable in ("ADIT_CONFIG", "ADIT_STATE_DIR", "ADIT_DATA_DIR"):
        environment[variable] = os.path.join(home.name, variable.lower())
    environment |= {"HOME": home.name, "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    desktop, command = os.path.join(folder, "adit-desktop"), os.path.join(folder, "adit")

    panel = Panel()
    process = subprocess.Popen([desktop], env=environment)
    try:
        app = App(process.pid)
        app.press(r"^Just try it here")
        app.press(r"^Continue$")
        say("first run: this computer")
        app.press(rf"^:?{port}\b")
        app.press(r"^Give it a URL$")
        app.one(r"^Your port has a URL$")
        url = name(app.one(r"^http://127\.0\.0\.1:\d+/?$"))
        if get(url) != Page.TEXT:
            raise Failed(f"{url} does not lead to the local server")
        say(f"a port has a URL, and it answers: {url}")
        app.press(r"^Show my tunnels$")
        app.one(r", Live")
        # There is no window manager here that would do it.
        search = ["xdotool", "search", "--onlyvisible", "--name", "^Adit$"]
        subprocess.run([*search, "windowfocus"], check=True)
        app.key(DOWN, r", Live")
        app.key(DOWN, rf"^port {port}, ")
        app.key(RIGHT, r"^Copy URL$")
        app.key(MENU, r"^Copy URL$")
        app.key(UP, r"^Delete")
        app.key(ESCAPE, r"^Copy URL$")
        say("the keyboard leads a screen reader along, in the list and in a menu")
        if picture:
            subprocess.run(["import", "-window", "root", picture], check=False)

        second = subprocess.run([desktop], env=environment, timeout=LIMIT)
        if second.returncode != 0:
            raise Failed(f"a second start ended with {second.returncode}")
        say("a second start shows the first and ends")

        told = subprocess.run([command, "status"], env=environment, capture_output=True, text=True)
        if url not in told.stdout:
            raise Failed(f"`adit status` does not know {url}: {told.stdout}{told.stderr}")
        say("the command knows what the window hosts")

        app.press(r"^Stop\b")
        app.one(r", Stopped")
        until("the URL to be gone", lambda: get(url) != Page.TEXT)
        say("stopped, and the URL with it")

        until("an icon in the tray", lambda: panel.icon)
        if not panel.told("IconPixmap") and not panel.told("IconName"):
            raise Failed("the icon in the tray has no picture")

        def chosen(start):
            until(f"`{start}` in the tray, which has {panel.menu()}", lambda: panel.choose(start))

        chosen("Start")
        until("the URL to be back", lambda: get(url) == Page.TEXT)
        until("the tooltip to say so", lambda: "live" in panel.told("ToolTip")[3].lower())
        chosen("Copy")
        until("the URL on the clipboard", lambda: clipboard() == url.rstrip("/"))
        chosen("Stop")
        until("the URL to be gone", lambda: get(url) != Page.TEXT)
        say("started, copied and stopped from the tray")

        chosen("Quit")
        if process.wait(timeout=LIMIT) != 0:
            raise Failed(f"it ended with {process.returncode}")
        told = subprocess.run([command, "status"], env=environment, capture_output=True, text=True)
        if "Nothing is hosted" not in told.stdout + told.stderr:
            raise Failed(f"something is left: {told.stdout}{told.stderr}")
        say("quit, and nothing is left")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        server.shutdown()


def main():
    try:
        story(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    except Failed as failed:
        print(f"error: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
