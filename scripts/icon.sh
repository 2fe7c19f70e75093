# shellcheck shell=bash
# Sourced by scripts/icons and ./package. Not a program of its own.

# Draws the app's icon as PNG. The small drawing is for up to 32 pixels; its edges fall on whole ones at 16 and 32.
draw_icon() { # size, file
  local drawing=app
  [ "$1" -gt 32 ] || drawing=app-small
  rsvg-convert --width="$1" --height="$1" --output="$2" "crates/desktop/assets/icons/$drawing.svg"
}
