#!/bin/sh
# Programs besides Python that some tests use: a browser, a second version of Redis, systemd's checker. Installs them
# where no password is needed (root on Debian or Ubuntu); elsewhere those tests are skipped with a note.
missing=""
for package in chromium redis-server systemd; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq
  for package in $missing; do
    echo "installing $package, for tests"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >/dev/null || echo "no $package: its tests are skipped"
  done
else
  echo "Not installed, so their tests are skipped:$missing"
fi
exit 0
