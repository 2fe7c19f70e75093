//! Moves the bytes of Adit: websockets, session pumps, TLS, time and tasks.
