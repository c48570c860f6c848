#!/usr/bin/env bash
# Every test of the project: release, ASan+UBSan, TSan (pool, engine, trainer), libFuzzer (of ASan's objects), format, layers, symbols, and
# clang-tidy on changed files where CI is set. Installs what it needs. The last line sums up: "N passed, N failed".
#   ./test.sh             everything
#   ./test.sh release     one part or several: release asan tsan fuzz tidy
# Each fuzz target runs JAMSU_FUZZ_RUNS inputs (default 5,000).
# clang-tidy reads the .cpp files changed since $JAMSU_TIDY_BASE (default: the newest commit older than four hours).
set -uo pipefail
cd "$(dirname "$0")"

# What TSan looks at: whatever shares memory between threads.
tsan_targets=(base_tests engine_tests train_tests session_tests ledger_tests)
# Run under sanitizers as elsewhere, but for these: they compute much and add no new path to what the rest runs.
asan_skip='^numerics\.'

passed=0 failed=0 skipped=0
failures=()

tools/install_packages build test || { echo "0 passed, 1 failed"; exit 1; }
mkdir -p build
jobs=$(nproc)
# ccache finds what another clone has compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

step() { printf '\n== %s (%s)\n' "$1" "$(date +%T)"; }
fail() {
  failed=$((failed + 1))
  failures+=("$1")
}

# build PRESET [target...]: 1 when it could not be built.
build() {
  local preset=$1 log=build/$1.log
  shift
  if ! cmake --preset "$preset" -DJAMSU_TESTS=ON >"$log" 2>&1; then
    tail -n 40 "$log"
    fail "configure $preset"
    return 1
  fi
  local targets=() known target
  if [ $# -gt 0 ]; then
    # A renamed or missing test target must not fall out of the run in silence.
    known=$(cmake --build --preset "$preset" --target help)
    for target in "$@"; do
      grep -q "^$target: phony" <<<"$known" || { fail "$preset: there is no target $target"; return 1; }
    done
    targets=(--target "$@")
  fi
  if ! cmake --build --preset "$preset" "${targets[@]}" -j "$jobs" >"$log" 2>&1; then
    grep -E 'error|FAILED|undefined reference' "$log" | head -n 40
    tail -n 20 "$log"
    fail "build $preset"
    return 1
  fi
  echo "built $preset in ${SECONDS}s"
}

# run PRESET [ctest option...]
run() {
  local preset=$1 report=$PWD/build/$1.xml
  shift
  rm -f "$report"
  # Slowest tests first would need a history; two at a time is what the machine has.
  ctest --preset "$preset" --output-junit "$report" -j "$jobs" "$@" >"build/$preset.tests.log" 2>&1
  local code=$?
  local total bad left
  total=$(sed -n 's/^[[:space:]]*tests="\([0-9]*\)".*/\1/p' "$report" | head -n 1)
  bad=$(sed -n 's/^[[:space:]]*failures="\([0-9]*\)".*/\1/p' "$report" | head -n 1)
  left=$(sed -n 's/^[[:space:]]*skipped="\([0-9]*\)".*/\1/p' "$report" | head -n 1)
  if [ -z "$total" ] || [ "$total" = 0 ]; then
    tail -n 40 "build/$preset.tests.log"
    fail "$preset ran no test"
    return
  fi
  passed=$((passed + total - bad - left))
  failed=$((failed + bad))
  skipped=$((skipped + left))
  if [ "$code" != 0 ]; then
    # What failed, with its output; the rest is in the log.
    grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed|^ +Start ' "build/$preset.tests.log" | tail -n 200
    failures+=("$preset: $bad test(s), see build/$preset.tests.log")
    if [ "$bad" = 0 ]; then failed=$((failed + 1)); fi
  fi
  if [ "$left" != 0 ]; then
    echo "skipped, and why:"
    tools/skipped_tests "$report"
  fi
  echo "$preset: $((total - bad - left)) passed, $bad failed, $left skipped"
}

release() {
  step "release"
  SECONDS=0
  # strace watches every start of the program (tests/regress/program.h): none may open a socket.
  build release && JAMSU_WATCH=1 run release
}
asan() {
  step "ASan + UBSan"
  SECONDS=0
  build asan && UBSAN_OPTIONS=print_stacktrace=1 run asan -E "$asan_skip"
}
tsan() {
  step "TSan"
  SECONDS=0
  build tsan "${tsan_targets[@]}" && run tsan -E '_NOT_BUILT$'
}
# fuzz_one NAME: its seeds below 128 KiB and what libFuzzer makes of them. No allocation may pass 64 MiB.
fuzz_one() {
  local name=$1 corpus=build/fuzz/corpus/$1 seed
  rm -rf "$corpus" && mkdir -p "$corpus" build/fuzz/found
  while read -r seed; do
    (cd tests && compgen -G "$seed") | while read -r seed; do
      [ "$(stat -c %s "tests/$seed")" -ge 131072 ] || cp "tests/$seed" "$corpus/$(tr / _ <<<"seed/$seed")"
    done
  done < <(grep -v '^#' "tests/fuzz/$name.seeds")
  ASAN_OPTIONS=quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1 "build/asan/tests/fuzz_$name" -seed=1 \
    -runs="${JAMSU_FUZZ_RUNS:-5000}" -max_len=65536 -timeout=60 -malloc_limit_mb=64 -rss_limit_mb=1024 \
    -artifact_prefix="build/fuzz/found/$name-" "$corpus" >"build/fuzz/$name.log" 2>&1
}
fuzz() {
  step "libFuzzer"
  SECONDS=0
  if ! clang++ -x c++ -fsanitize=fuzzer - -o /dev/null 2>/dev/null \
    <<<'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }'; then
    skipped=$((skipped + 1))
    echo "fuzz: no clang++ with libFuzzer here; left out"
    return
  fi
  build asan fuzz_targets || return
  local names name
  names=$(basename -a -s _fuzz.cpp tests/fuzz/*_fuzz.cpp)
  export -f fuzz_one
  # The exit status of each in a file: one that fails does not keep the others from running.
  xargs -P "$jobs" -I{} bash -c 'fuzz_one {}; echo $? >build/fuzz/{}.status' <<<"$names"
  for name in $names; do
    if [ "$(cat "build/fuzz/$name.status")" = 0 ]; then
      passed=$((passed + 1))
      grep '^Done' "build/fuzz/$name.log" | sed "s/^Done/fuzz $name:/"
    else
      tail -n 60 "build/fuzz/$name.log"
      fail "fuzz $name, see build/fuzz/$name.log; its input is in build/fuzz/found"
    fi
  done
}
tidy() {
  step "clang-tidy on changed files"
  local base files
  base=${JAMSU_TIDY_BASE-$(git rev-list -1 --before='4 hours ago' HEAD 2>/dev/null)}
  base=${base:-$(git hash-object -t tree /dev/null)} # the empty tree: everything is new
  files=$(git diff --name-only --diff-filter=d "$base" -- 'src/*.cpp' 'apps/*.cpp' 2>/dev/null)
  if [ -z "$files" ]; then
    echo "no file changed"
    return
  fi
  [ -e build/release/compile_commands.json ] || build release || return
  # clang reads no header that g++ has precompiled.
  mkdir -p build/tidy
  sed -E 's/ -Winvalid-pch//; s/ -include [^ ]*cmake_pch\.hxx//' build/release/compile_commands.json >build/tidy/compile_commands.json
  if xargs -r -n 1 -P "$jobs" clang-tidy -p build/tidy --quiet --extra-arg=-Wno-unknown-warning-option <<<"$files" >build/tidy.log 2>/dev/null; then
    passed=$((passed + 1))
    echo "clang-tidy: $(wc -l <<<"$files") files are clean"
  else
    grep -E 'error:|warning:' build/tidy.log | sort -u | head -n 60
    fail "clang-tidy, see build/tidy.log"
  fi
}

start=$(date +%s)
parts=("$@")
if [ $# = 0 ]; then
  parts=(release asan tsan fuzz)
  if [ -n "${CI-}" ]; then parts+=(tidy); fi
fi
for part in "${parts[@]}"; do
  case $part in
    release | asan | tsan | fuzz | tidy) "$part" ;;
    *)
      echo "test.sh: there is no part \"$part\" (release asan tsan fuzz tidy)"
      exit 2
      ;;
  esac
done

printf '\n%d s' "$(($(date +%s) - start))"
for failure in "${failures[@]}"; do printf '; failed: %s' "$failure"; done
summary="$passed passed, $failed failed"
if [ "$skipped" -gt 0 ]; then summary="$summary, $skipped skipped"; fi
printf '\n%s\n' "$summary"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
