"""A panel with a tray, as Linux desktops have it: the watcher that icons register with, and a person's hand on them.

The protocol is that of StatusNotifierItem and com.canonical.dbusmenu.
"""

import threading

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

WATCHER = "org.kde.StatusNotifierWatcher"
INTERFACE = """<node><interface name='org.kde.StatusNotifierWatcher'>
<method name='RegisterStatusNotifierItem'><arg type='s' direction='in'/></method>
<method name='RegisterStatusNotifierHost'><arg type='s' direction='in'/></method>
<property name='RegisteredStatusNotifierItems' type='as' access='read'/>
<property name='IsStatusNotifierHostRegistered' type='b' access='read'/>
<property name='ProtocolVersion' type='i' access='read'/>
<signal name='StatusNotifierItemRegistered'><arg type='s'/></signal>
<signal name='StatusNotifierHostRegistered'/>
</interface></node>"""
TIMEOUT = 30_000  # milliseconds for an answer


class Panel:
    """Owns the watcher's name on the session bus; `icon` is the name of the one icon, once there is one."""

    def __init__(self):
        self.icon = None
        # A connection of its own, served by a thread of its own: the main one asks and waits.
        address = Gio.dbus_address_get_for_bus_sync(Gio.BusType.SESSION, None)
        flags = Gio.DBusConnectionFlags
        context = GLib.MainContext()
        ready = threading.Event()

        def serve():
            context.push_thread_default()
            self.bus = Gio.DBusConnection.new_for_address_sync(
                address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None
            )
            interface = Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0]
            self.bus.register_object(
                "/StatusNotifierWatcher", interface, self._called, self._property, None
            )
            self._ask(
                "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                GLib.Variant("(su)", (WATCHER, 0)),
            )
            ready.set()
            GLib.MainLoop(context).run()

        threading.Thread(target=serve, daemon=True).start()
        ready.wait()

    def _called(self, _bus, sender, _path, _interface, method, parameters, invocation):
        if method == "RegisterStatusNotifierItem":
            [service] = parameters.unpack()
            self.icon = sender if service.startswith("/") else service
        invocation.return_value(None)

    def _property(self, _bus, _sender, _path, _interface, name):
        return {
            "RegisteredStatusNotifierItems": GLib.Variant("as", [self.icon] if self.icon else []),
            "IsStatusNotifierHostRegistered": GLib.Variant("b", True),
            "ProtocolVersion": GLib.Variant("i", 0),
        }[name]

    def _ask(self, to, path, interface, method, parameters):
        return self.bus.call_sync(
            to, path, interface, method, parameters, None, Gio.DBusCallFlags.NONE, TIMEOUT, None
        ).unpack()

    def told(self, name):
        """A property of the icon."""
        return self._ask(
            self.icon, "/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Get",
            GLib.Variant("(ss)", ("org.kde.StatusNotifierItem", name)),
        )[0]

    def menu(self):
        """The words of the menu and its menus, with their ids."""
        parameters = GLib.Variant("(iias)", (0, -1, []))
        _, root = self._ask(self.icon, "/MenuBar", "com.canonical.dbusmenu", "GetLayout", parameters)
        found = []

        def visit(entry):
            identity, properties, children = entry
            if "label" in properties:
                found.append((properties["label"].replace("__", "_"), identity))
            for child in children:
                visit(child)

        visit(root)
        return found

    def choose(self, start):
        """Chooses the entry whose words begin so; False when there is none now.

        As a panel does, with the menu open: it does not change then.
        """
        self._happens(0, "opened")
        try:
            for words, identity in self.menu():
                if words.startswith(start):
                    self._happens(identity, "clicked")
                    return True
            return False
        finally:
            try:
                self._happens(0, "closed")
            except GLib.GError:
                # It was told to quit.
                pass

    def _happens(self, identity, event):
        parameters = GLib.Variant("(isvu)", (identity, event, GLib.Variant("i", 0), 0))
        self._ask(self.icon, "/MenuBar", "com.canonical.dbusmenu", "Event", parameters)
