#!/bin/sh
# Make sure that there is a browser for the browser tests: one that is installed, else Debian's as root, else
# Playwright's own.
set -eu
for name in ${IMAGESEARCH_BROWSER:-} chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null
    exit 0
fi
echo "Installing Playwright's browser for the browser tests."
.venv/bin/playwright install chromium
