// Writes THIRD-PARTY-NOTICES: every crate that is linked into an addon or the WebAssembly module, with its licence. The
// file is part of each of those packages.
//
//   node scripts/release/notices.mjs [--check]
//
// --check writes nothing and ends with code 1 where the file is not what would be written.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

import { besideCrates, linkedCrates } from "./crates.mjs";
import { root } from "./packages.mjs";
import { msun, stdCrates } from "./rust-std.mjs";

const file = path.join(root, "THIRD-PARTY-NOTICES");

/** Of several licences that a crate leaves to choose from, the first of these. */
const preferred = ["MIT", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "ISC", "Zlib", "Unlicense"];

/** The licences of an SPDX expression that are kept to: one of each "OR", all of each "AND". */
function chosen(expression) {
  const alternatives = expression.replaceAll("/", " OR ").replaceAll(/[()]/g, "").split(/ OR /);
  const choice = preferred.find((licence) => alternatives.includes(licence)) ?? alternatives[0];
  return expression.includes(" AND ") ? expression : choice;
}

/**
 * Licence texts in a crate's folder: those of the licence chosen where the names tell them apart, else all; and those further
 * down, of parts that came from somewhere else (regex-syntax's tables of Unicode).
 */
function licenceTexts({ manifest_path: manifest, license }) {
  const folder = path.dirname(manifest);
  const names = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|unlicense)/i.test(name));
  const choice = chosen(license ?? "")
    .replace(/-.*/, "")
    .toLowerCase();
  const fitting = names.filter((name) => name.toLowerCase().includes(choice));
  const nested = readdirSync(folder, { recursive: true })
    .map((name) => name.replaceAll(path.sep, "/"))
    .filter((name) => /\/licen[cs]e(-\w+)?(\.txt|\.md)?$/i.test(name));
  return [...(fitting.length > 0 ? fitting : names).sort(), ...nested.sort()]
    .map((name) => path.join(folder, name))
    .flatMap((name) => {
      const text = readText(name);
      return text === undefined ? [] : [text];
    });
}

/** For crates without a file: MIT has the same words everywhere. */
function standardText({ name, license }) {
  if (chosen(license) !== "MIT") throw new Error(`${name} has no text of its licence, ${license}`);
  return mitText("Copyright (c) its authors");
}

function mitText(copyright) {
  return readFileSync(path.join(root, "LICENSE"), "utf8")
    .trim()
    .replace(/^Copyright .*$/m, copyright);
}

function readText(name) {
  try {
    return readFileSync(name, "utf8").replaceAll("\r\n", "\n").trim();
  } catch (error) {
    if (error.code === "EISDIR") return undefined;
    throw error;
  }
}

const cudaRuntime =
  "The addon with CUDA contains NVIDIA's CUDA runtime (libcudart_static.a of CUDA 13.0), under the licence agreement of the CUDA\n" +
  "Toolkit, which names it as redistributable: https://docs.nvidia.com/cuda/eula/\n";
const bsd3Clause = `Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
this list of conditions and the following disclaimer in the documentation
and/or other materials provided with the distribution.

3. Neither the name of the copyright holder nor the names of its
contributors may be used to endorse or promote products derived from
this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.`;

function makeNotices() {
  const sorted = linkedCrates();
  // Many crates share the same words; each text is there once, behind the crates that it is of.
  const groups = new Map();
  for (const entry of sorted) {
    const { name, version, license, authors, repository } = entry;
    if (!license) throw new Error(`${name} ${version} names no licence: its text has to be looked at`);
    const texts = licenceTexts(entry);
    const shown = texts.length > 0 ? texts : [standardText(entry)];
    const key = shown.map((text) => text.replaceAll(/\s+/g, " ")).join("\n");
    const group = groups.get(key) ?? { crates: [], text: shown.join("\n\n") };
    const by = authors.length > 0 ? ` by ${authors.join(", ").replaceAll(/ <[^>]*>/g, "")}` : "";
    group.crates.push(`${name} ${version} (${license})${by}${repository ? `, ${repository}` : ""}`);
    groups.set(key, group);
  }
  const line = "=".repeat(80);
  const head =
    `candle-embed's addons and its WebAssembly module are linked from these ${sorted.length} crates, not all of which are in each,\n` +
    "and from Rust's standard library (at the end). Written by scripts/release/notices.mjs.\n";
  const parts = [...groups.values()].map(
    ({ crates: of, text }) => `${line}\n${of.join("\n")}\n${line}\n\n${text}\n`,
  );
  const besides = besideCrates.map(
    ({ name, version, license, repository, copyright }) =>
      `${name} ${version} (${license}), ${repository}\n${copyright}`,
  );
  const cuda = `${line}\n${besides.join("\n\n")}\n${line}\n\n${bsd3Clause}\n\n${line}\n${cudaRuntime}${line}\n`;
  const names = stdCrates.map(({ name }) => name).join("\n");
  const rights = stdCrates.map(({ name, copyright }) => `Copyright (c) ${copyright} (${name})`).join("\n");
  const std = `${line}\nRust's standard library, with what it is linked from:\n${names}\n${line}\n\n${mitText(rights)}\n\n${msun}\n`;
  return `${head}\n${parts.join("\n")}\n${std}\n${cuda}`;
}

const notices = makeNotices();
if (!process.argv.includes("--check")) {
  writeFileSync(file, notices);
  console.log(`- ${path.basename(file)}: ${statSync(file).size} bytes`);
} else if (readFileSync(file, "utf8") !== notices) {
  console.error("THIRD-PARTY-NOTICES is not current: node scripts/release/notices.mjs");
  process.exit(1);
}
