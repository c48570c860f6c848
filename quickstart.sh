#!/usr/bin/env bash
# From a fresh Debian 12 to a chat: installs what is missing, builds a release into build/release, starts the chat. Without a
# terminal it shows one solved example instead. May be run again at any time.
set -euo pipefail
cd "$(dirname "$0")"

if [ "$(uname -m)" != x86_64 ]; then
  echo "jamsu runs on x86-64 CPUs so far; this one is $(uname -m)." >&2
  exit 1
fi
for feature in avx2 fma bmi2 f16c; do
  if ! grep -qw "$feature" /proc/cpuinfo; then
    echo "This CPU lacks $feature; jamsu needs AVX2, FMA, BMI2 and F16C (Intel since 2013, AMD since 2015)." >&2
    exit 1
  fi
done

tools/install_packages build

# Each compiler process takes up to 1 GiB.
jobs=$(nproc)
memory_gib=$(awk '$1 == "MemAvailable:" { print int($2 / 1048576) }' /proc/meminfo)
if [ "$jobs" -gt "$((memory_gib > 0 ? memory_gib : 1))" ]; then jobs=$((memory_gib > 0 ? memory_gib : 1)); fi

log=build/quickstart.log
mkdir -p build
if [ -x build/release/jamsu ]; then echo "Bringing the build up to date ..."; else echo "Building (about 4 minutes on 2 cores) ..."; fi
# The program alone; test.sh turns the tests on, and they stay on.
tests=()
if [ ! -e build/release/CMakeCache.txt ]; then tests=(-DJAMSU_TESTS=OFF); fi
if ! { cmake --preset release "${tests[@]}" && cmake --build --preset release --target jamsu -j "$jobs"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "The build failed; the whole log is $log." >&2
  exit 1
fi

jamsu=build/release/jamsu
if [ ! -e pretrained/nano/config.json ]; then
  echo "jamsu is built ($jamsu), but this tree holds no model: pretrained/nano is missing." >&2
  echo "Train it (hours):  $jamsu pretrain recipes/nano.toml     or point to another:  $jamsu chat --model FOLDER" >&2
  exit 1
fi

echo "The program is $jamsu. To type jamsu anywhere:  cmake --install build/release --prefix ~/.local"
case ":$PATH:" in
  *":$HOME/.local/bin:"*) ;;
  *) echo "and then:  export PATH=\"\$HOME/.local/bin:\$PATH\"" ;;
esac
if [ -t 0 ] && [ -t 1 ]; then
  exec "$jamsu" chat
fi
question="48+57은?"
echo "> $question"
"$jamsu" generate --chat -p "$question" </dev/null
echo "In a terminal:  $jamsu chat"
