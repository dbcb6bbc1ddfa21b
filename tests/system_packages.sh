#!/bin/sh
# Programs beside Python that some tests drive: a browser, a second version of Redis, systemd's checker. Installed where
# that can be done without asking anybody (root on Debian or Ubuntu); elsewhere those tests skip, and say so.
missing=""
for package in chromium redis-server systemd; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq
  for package in $missing; do
    echo "installing $package, for tests"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >/dev/null || echo "no $package: its tests skip"
  done
else
  echo "Not here, so their tests skip:$missing"
fi
exit 0
