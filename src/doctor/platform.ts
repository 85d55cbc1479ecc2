import { readFileSync } from "node:fs";
import path from "node:path";

import { glibcVersion } from "../utils/glibc-version.js";
import type { Finding } from "./finding.js";

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
}

/** The system and the Node that this is. */
export function checkPlatform(): Finding {
  const file = path.join(__dirname, "../../package.json");
  const { version, engines } = JSON.parse(readFileSync(file, "utf8")) as Manifest;
  const { platform, arch } = process;
  const node = process.versions.node;
  const libc = platform === "linux" ? findLibc() : undefined;
  const least = engines.node.replace(/^\D+/, "");
  const isOld = isBelow(node, least);
  return {
    name: "platform",
    status: isOld ? "problem" : "ok",
    text: `${platform}-${arch}${libc === undefined ? "" : `, ${libc}`}, Node ${node}, candle-embed ${version}`,
    advice: isOld ? `install Node ${least} or newer` : undefined,
    data: { platform, arch, libc, node, version },
  };
}

function findLibc(): string {
  const version = glibcVersion();
  return version === undefined ? "musl" : `glibc ${version}`;
}

function isBelow(version: string, least: string): boolean {
  const [own, wanted] = [version, least].map((each) => each.split(".").map(Number));
  for (const [index, part] of (wanted ?? []).entries()) {
    const difference = (own?.[index] ?? 0) - part;
    if (difference !== 0) return difference < 0;
  }
  return false;
}
