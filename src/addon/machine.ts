import { closeSync, openSync, readSync } from "node:fs";

import { glibcVersion } from "../utils/glibc-version.js";

/** A machine, as far as it decides which addon runs on it. */
export interface Machine {
  /** `process.platform`. */
  readonly platform: string;
  /** `process.arch`. */
  readonly arch: string;
  /** The C library of this process, on Linux. */
  readonly libc: "glibc" | "musl" | undefined;
}

/** The machine and the C library that this process runs on. */
export function thisMachine(): Machine {
  const { platform, arch } = process;
  return { platform, arch, libc: platform === "linux" ? findLibc() : undefined };
}

/** What the addon of a machine is called, as napi-rs does: "linux-x64-gnu", "darwin-arm64". */
export function addonPlatform({ platform, arch, libc }: Machine): string {
  const abi = { glibc: "-gnu", musl: "-musl" };
  const suffix = libc !== undefined ? abi[libc] : platform === "win32" ? "-msvc" : "";
  return `${platform}-${arch}${suffix}`;
}

/**
 * A program's file names the loader that starts it, and each C library has its own. A machine may have both: what files lie in
 * /lib or what `ldd` is says nothing of this process. Node's report would say it too, in milliseconds instead of 0.02.
 */
function findLibc(): "glibc" | "musl" {
  const interpreter = readInterpreter("/proc/self/exe");
  if (interpreter !== undefined) return interpreter.includes("/ld-musl-") ? "musl" : "glibc";
  return glibcVersion() === undefined ? "musl" : "glibc";
}

/** PT_INTERP of a 64-bit little-endian ELF file (elf(5)); `undefined` where the file has none or cannot be read. */
export function readInterpreter(file: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    // Linkers write the program headers, and what this one points to, at the start.
    const start = Buffer.alloc(4096);
    const length = readSync(descriptor, start, 0, start.length, 0);
    if (length < 64 || start.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") return undefined;
    const table = Number(start.readBigUInt64LE(32));
    const size = start.readUInt16LE(54);
    const count = start.readUInt16LE(56);
    for (let at = table; at < table + size * count; at += size) {
      if (start.readUInt32LE(at) !== 3) continue;
      const from = Number(start.readBigUInt64LE(at + 8));
      return start.toString("latin1", from, from + Number(start.readBigUInt64LE(at + 32)) - 1);
    }
    return undefined;
  } catch {
    // No /proc, or headers that lie elsewhere.
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
